export type TrainerInputCode =
  | 'bad_arguments'
  | 'bad_run_file'
  | 'bad_dataset'
  | 'unsupported_method'
  | 'bad_model_file';

/** What was handed over is wrong and running again will not help: the process prints `message` and exits with 2. */
export class TrainerInputError extends Error {
  readonly code: TrainerInputCode;

  constructor(code: TrainerInputCode, message: string) {
    super(message);
    this.name = 'TrainerInputError';
    this.code = code;
  }
}
