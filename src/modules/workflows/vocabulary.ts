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

export const ON_ERROR = {
  fail: 'The execution fails; global error handling follows. The default.',
  skip: 'The step counts as skipped, and the flow goes on.',
  retry: 'The step is tried again, as its `retry` says or else as the workflow’s `globalRetry`.',
  fallback: 'The fallback step runs in its place.',
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
