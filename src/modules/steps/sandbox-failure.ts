import { SandboxError } from '../../platform/sandbox/errors.ts';
import { StepError } from './step.ts';

/**
 * What the sandbox failed with, as the step's failure under the same code. Out of time it may do better on a quieter
 * machine; everything else would fail again.
 *
 * @param place of the task that failed, e.g. `mapping.total`
 */
export function stepFailure(thrown: unknown, place: (task: number) => string | undefined): unknown {
  if (!(thrown instanceof SandboxError)) return thrown;
  const { code, message, task } = thrown;
  const at = task === undefined ? undefined : place(task);
  return new StepError(
    { code, message: at ? `${at}: ${message}` : message },
    { isFinal: code !== 'TIME_LIMIT' },
  );
}
