import { pause } from './pause.ts';

export type Retry = {
  /** The longest wait before the second attempt, in milliseconds. */
  firstMs: number;
  /** The longest wait before any attempt, in milliseconds. */
  longestMs: number;
  /** At least 0, below 1. */
  random: () => number;
};

/**
 * How long to wait after so many failures in a row, in milliseconds: anything up to a bound that doubles. All of it is
 * chance ("full jitter"), so that the thousand clients of a server that went away come back spread, not in step.
 */
export function waitAfter(failures: number, { firstMs, longestMs, random }: Retry): number {
  return random() * Math.min(longestMs, firstMs * 2 ** (failures - 1));
}

/** Where all operations of a client wait together for the next attempt to connect. */
export type Gate = {
  /** Resolves when an attempt may be made, or when the signal aborts. */
  pass(signal: AbortSignal): Promise<void>;
  /** A connection failed. While the gate is shut that is the failure it was shut for. */
  failed(wait?: GateWait): void;
  /** A connection works: the next failure is the first again. */
  succeeded(): void;
};

export type GateWait = {
  /** Wait no less than this, in milliseconds. */
  atLeastMs?: number;
  /** Wait up to this in place of what the number of failures says, in milliseconds. */
  withinMs?: number;
};

export function createGate(retry: Retry): Gate {
  let failures = 0;
  let opensAt = 0;
  return {
    async pass(signal) {
      for (let left = untilThen(); left > 0 && !signal.aborted; left = untilThen()) await pause(left, signal);
    },
    failed({ atLeastMs = 0, withinMs } = {}) {
      const isShut = untilThen() > 0;
      if (!isShut) failures += 1;
      const wait = withinMs === undefined ? waitAfter(failures, retry) : retry.random() * withinMs;
      const opens = performance.now() + atLeastMs + (isShut ? 0 : wait);
      opensAt = Math.max(opensAt, opens);
    },
    succeeded() {
      failures = 0;
    },
  };

  function untilThen(): number {
    return opensAt - performance.now();
  }
}
