import { StepError } from '../step.ts';

/** What a step asks for is wrong, and stays so. */
export function refused(message: string, code = 'DATABASE_INVALID'): StepError {
  return new StepError({ code, message }, { isFinal: true });
}
