import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

export type Lifecycle = {
  /**
   * Registers how to stop what was just started. On `stop` the newest is stopped first.
   *
   * @param name what it is, for the log
   * @param stop may throw: the failure is reported and the rest is stopped all the same
   */
  onStop(name: string, stop: () => unknown): void;
  /** Stops everything, once; later calls wait for the first. Resolves with the failures, never rejects. */
  stop(): Promise<Error[]>;
};

/** @param stepMs the longest that one stop may take before it counts as failed and the next one runs */
export function createLifecycle(log: Logger, stepMs: number): Lifecycle {
  const steps: { name: string; stop: () => unknown }[] = [];
  let stopping: Promise<Error[]> | undefined;

  async function stopAll(): Promise<Error[]> {
    const failures: Error[] = [];
    for (let step = steps.pop(); step; step = steps.pop()) {
      try {
        await withinTime(step.stop, stepMs);
      } catch (cause) {
        const failure = new Error(`${step.name} did not stop: ${messageOf(cause)}`, { cause });
        log.error({ err: failure }, failure.message);
        failures.push(failure);
      }
    }
    return failures;
  }

  return {
    onStop: (name, stop) => void steps.push({ name, stop }),
    stop: () => {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

async function withinTime(work: () => unknown, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still busy after ${ms} ms`)), ms);
  });
  try {
    await Promise.race([Promise.resolve().then(work), late]);
  } finally {
    clearTimeout(timer);
  }
}
