export type RunErrorCode =
  | 'CONFIG_NOT_FOUND'
  | 'DATASET_MISSING'
  | 'DATASET_NOT_REACHABLE'
  | 'RESULT_INVALID'
  | 'RUN_FOLDER_UNFIT'
  | 'TRAINER_NOT_STARTED';

/** Why a run cannot go on; its sentence is shown to whoever started the run, so it names no path of this machine. */
export class RunError extends Error {
  readonly code: RunErrorCode;

  constructor(code: RunErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RunError';
    this.code = code;
  }
}
