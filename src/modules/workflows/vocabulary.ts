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

export const MISSED_RUNS = {
  skip: 'Nothing is started for them. The default.',
  one: 'One run is started for all of them.',
} as const;

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

export const STEP_RUN_STATES = {
  waiting: 'Waits for the steps before it.',
  queued: 'Is ready, and waits for a worker.',
  running: 'Is being run.',
  delayed: 'Is to run at `runAt`: a delay, or the pause before another try.',
  awaiting: 'Waits for a decision, or for the end of an execution that it has started. Holds no worker.',
  holding: 'Waits for the steps within it: a branch, a body, a stand-in.',
  completed: 'Has ended well.',
  skipped: 'Has failed, and the flow goes on without it.',
  failed: 'Has failed for good.',
  cancelled: 'Was given up, since the execution ended without it.',
} as const;

export const STEP_PLACES = {
  main: 'On the main line.',
  then: 'In the branch of a condition that holds.',
  else: 'In the other branch.',
  loop: 'In the body of a loop.',
  fallback: 'In place of a step that has failed.',
  compensate: 'To undo a step.',
} as const;

export const APPROVAL_DECISIONS = {
  approved: 'It was approved.',
  rejected: 'It was refused.',
  expired: 'Nobody answered in time.',
  withdrawn: 'Its execution ended without it.',
} as const;
