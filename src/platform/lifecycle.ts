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
  /** Takes one turn for several, now: whatever is registered with what it returns is stopped at the same time. */
  together(): Pick<Lifecycle, 'onStop'>;
  /** Stops everything, once; later calls wait for the first. Resolves with the failures, never rejects. */
  stop(): Promise<Error[]>;
};

type Step = { name: string; stop: () => unknown };

/** @param stepMs the longest that one stop may take before it counts as failed and the next one runs */
export function createLifecycle(log: Logger, stepMs: number): Lifecycle {
  const turns: Step[][] = [];
  let stopping: Promise<Error[]> | undefined;

  async function stopAll(): Promise<Error[]> {
    const failures: (Error | undefined)[] = [];
    for (let turn = turns.pop(); turn; turn = turns.pop()) {
      failures.push(...(await Promise.all(turn.map(stopOne))));
    }
    return failures.filter((failure) => failure !== undefined);
  }

  async function stopOne({ name, stop }: Step): Promise<Error | undefined> {
    try {
      await withinTime(stop, stepMs);
      return undefined;
    } catch (cause) {
      const failure = new Error(`${name} did not stop: ${messageOf(cause)}`, { cause });
      log.error({ err: failure }, failure.message);
      return failure;
    }
  }

  return {
    onStop: (name, stop) => void turns.push([{ name, stop }]),
    together() {
      const turn: Step[] = [];
      turns.push(turn);
      return { onStop: (name, stop) => void turn.push({ name, stop }) };
    },
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
