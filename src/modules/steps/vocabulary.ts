/** What the definitions of steps hold, with what it means. */

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
