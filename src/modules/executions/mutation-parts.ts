import {
  ConflictError,
  ExecutionEndedError,
  ExecutionNotEndedError,
  ForbiddenError,
  LimitReachedError,
  NotFoundError,
  UnauthenticatedError,
  ValidationError,
} from '../../graphql/errors.ts';

/** What the mutations that start, run again and end executions have in common, whatever their kind. */

export const RUN_ID = 'Global id or row id of a run of the caller’s.';

export const IDEMPOTENCY_KEY =
  'Any text, e.g. a uuid made before the first try. The same key with the same input returns the same execution, however ' +
  'often and however many at once; with another input it is a ConflictError.';

export const CANCEL_REASON = 'Shown with the status. Default: cancelled.';

/** What a start can be refused with; where others do the work, ProviderUnavailableError as well. */
export const STARTING = [
  UnauthenticatedError,
  ForbiddenError,
  NotFoundError,
  ValidationError,
  ConflictError,
  LimitReachedError,
];

export const RETRYING = [...STARTING, ExecutionNotEndedError];

/** What ending an execution, or adding to it, can be refused with. */
export const ENDING = [UnauthenticatedError, NotFoundError, ExecutionEndedError, ValidationError];
