import { SandboxError } from '../../platform/sandbox/errors.ts';
import { StepError } from './step.ts';

type Place = string | ((task: number) => string | undefined);

/**
 * What the sandbox failed with, as the step's failure under the same code. Out of time it may do better on a quieter
 * machine; everything else would fail again.
 *
 * @param place of what failed, e.g. `mapping.total`, or how to tell it by the task
 */
export function stepFailure(thrown: unknown, place: Place): unknown {
  if (!(thrown instanceof SandboxError)) return thrown;
  const { code, message, task } = thrown;
  const at = typeof place === 'string' ? place : place(task ?? -1);
  return new StepError(
    { code, message: at ? `${at}: ${message}` : message },
    { isFinal: code !== 'TIME_LIMIT' },
  );
}
