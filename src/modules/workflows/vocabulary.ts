/** The values that the tables' text columns and the definitions' JSON hold, with what they mean. */

export const CATEGORIES = {
  automation: 'Does routine work on its own.',
  reconciliation: 'Compares and brings together what two sources say.',
  consulting: 'Prepares advice for people.',
  custom: 'Anything else.',
} as const;

export const EXECUTION_STATUSES = {
  pending: 'Waits for a worker, or for whoever inserted it.',
  running: 'Is being run.',
  paused: 'Was paused and goes on when it is resumed.',
  completed: 'Has ended well.',
  failed: 'Has ended with an `error`.',
  cancelled: 'Was ended on request.',
} as const;

/** What a row of workflow_execution_logs says has happened; the platform's guides write `started`. */
export const LOG_STATUSES = {
  started: 'It began to run.',
  completed: 'It ended well.',
  failed: 'It ended with an error.',
  cancelled: 'It was ended on request.',
} as const;

export const STEP_TYPES = {
  transform: 'Makes new values from what is there, by expressions.',
  match: 'Looks for a pattern in fields.',
  reconcile: 'Compares two sources and brings them together.',
  api: 'Calls an HTTP API.',
  database: 'Reads or writes a table of the platform.',
  generate: 'Makes a document from a template.',
  agent: 'Runs an agent.',
  condition: 'Goes one way or another.',
  loop: 'Runs steps once for each item of a list.',
  delay: 'Waits for a time.',
  human: 'Asks a person and waits for the decision.',
  notification: 'Tells people something.',
  webhook: 'Sends an HTTP request to a URL.',
  training: 'Starts a training run.',
} as const;

export type StepType = keyof typeof STEP_TYPES;

export const ON_ERROR = {
  fail: 'The execution fails; global error handling follows. The default.',
  skip: 'The step counts as skipped, and the flow goes on.',
  retry: 'The step is tried again, as its `retry` says or else as the workflow’s `globalRetry`.',
  fallback: 'The fallback step runs in its place.',
} as const;

export const HTTP_METHODS = {
  GET: 'Reads.',
  POST: 'Creates or triggers.',
  PUT: 'Replaces.',
  PATCH: 'Changes.',
  DELETE: 'Deletes.',
} as const;

export const DOCUMENT_FORMATS = {
  html: 'A web page.',
  pdf: 'A PDF file.',
  markdown: 'Markdown text.',
  json: 'JSON text.',
  csv: 'Comma-separated values.',
} as const;

export const RECONCILIATION_STRATEGIES = {
  merge: 'Fields of both; where they differ, the newer.',
  preferA: 'Where they differ, source A is right.',
  preferB: 'Where they differ, source B is right.',
  manual: 'Differences are reported and nothing is decided.',
} as const;

export const CHANNELS = {
  email: 'An e-mail.',
  slack: 'A message in Slack.',
  sms: 'A text message.',
  'in-app': 'A message within the platform.',
} as const;

export const OPERATORS = {
  equals: 'The field equals the value.',
  notEquals: 'It does not.',
  greaterThan: 'The field is greater than the value.',
  lessThan: 'The field is less than the value.',
  contains: 'The text holds the value, or the list has it.',
  notContains: 'It does not.',
  exists: 'There is such a field; no value is needed.',
  notExists: 'There is none; no value is needed.',
  regex: 'The text matches the pattern: RE2’s syntax, so without back references and lookaround.',
} as const;

export const LOGICAL_OPERATORS = {
  and: 'Both this condition and what comes before it must hold.',
  or: 'Either this condition or what comes before it must hold.',
} as const;

export const TRIGGER_TYPES = {
  manual: 'People start it.',
  schedule: 'Starts at set times.',
  webhook: 'Starts when an HTTP request arrives.',
  event: 'Starts when an event of the platform happens.',
  api: 'Programs start it.',
} as const;

export type TriggerType = keyof typeof TRIGGER_TYPES;

export const ERROR_STRATEGIES = {
  fail: 'The execution ends as failed. The default.',
  continue: 'The failed step counts as skipped, and the flow goes on.',
  rollback:
    'The compensations of the steps that were done run, newest first; then the execution ends as failed.',
} as const;

/** How several ways that meet in one step are waited for. */
export const JOINS = {
  all: 'It runs once all of them have arrived.',
  any: 'It runs once, with the first that arrives.',
} as const;
