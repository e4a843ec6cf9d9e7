import { EXECUTION_CHANGED } from './documents.ts';
import { createLife, type OnState, type WatchState } from './life.ts';
import { type Carrier, keepSubscribed } from './subscription.ts';

/** How a run stands. */
export type ExecutionState = {
  databaseId: string;
  /** UNKNOWN for one that the server's version does not know. */
  status: 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'UNKNOWN';
  /** Percent, 0 to 100. */
  progress: number;
  /** Seconds left, as the trainer last estimated them. */
  etaSeconds: number | null;
  /** Why it failed; null while it has not. */
  error: string | null;
  /** How often a worker has taken it. */
  attempt: number;
  /** The number of its newest event. */
  lastSeq: number;
  /** ISO 8601 texts; null before. */
  startedAt: string | null;
  completedAt: string | null;
};

export type StateWatchOptions = {
  /** Called with the newest state, at once and whenever it changes. What it throws ends the watch. */
  onChange?: ((value: ExecutionState) => void) | undefined;
  onState?: OnState | undefined;
  /** States a second at most, 0.01 to 10: the newest one each time, and the last one always. Default: 10. */
  maxRate?: number | undefined;
  /** Stops the watch when it aborts. */
  signal?: AbortSignal | undefined;
};

/** How a run stands, at every moment; for what happened in it, `watchExecution`. */
export type StateWatch = {
  readonly id: string;
  /** Of the watch, not of the run: this is never `behind`. */
  readonly state: WatchState;
  /** Why it is connecting again, or why it ended before the run's end. */
  readonly error: unknown;
  /** The newest; undefined before the first. */
  readonly value: ExecutionState | undefined;
  /** Resolves to the newest state, at the run's end or when the watch is stopped; rejects where it cannot go on. */
  readonly done: Promise<ExecutionState | undefined>;
  stop(): void;
};

const MAX_RATE = 10;
const ENDED: readonly string[] = ['COMPLETED', 'FAILED', 'CANCELLED'];

export function watchState(carrier: Carrier, id: string, options: StateWatchOptions = {}): StateWatch {
  const { onChange, onState, maxRate = MAX_RATE, signal } = options;
  let value: ExecutionState | undefined;

  const life = createLife<ExecutionState | undefined>(onState, () => {
    subscription.stop();
    signal?.removeEventListener('abort', stop);
  });
  const subscription = keepSubscribed(
    carrier,
    { query: EXECUTION_CHANGED, variables: () => ({ id, maxRate }) },
    {
      onOpen: () => {},
      onData: (data) => take(data.executionChanged as ExecutionState),
      onBroken: (error) => life.become('connecting', error),
      onComplete() {
        const isOver = value !== undefined && ENDED.includes(value.status);
        if (isOver) life.end(value);
        return isOver;
      },
      onFailed: life.fail,
    },
  );
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop);

  function take(found: ExecutionState): void {
    life.become('live');
    if (!isNews(found)) return;
    value = found;
    onChange?.(found);
  }

  /** After a reconnect the same comes again, or, from another process whose read began earlier, what was before it. */
  function isNews(found: ExecutionState): boolean {
    if (value === undefined || found.lastSeq > value.lastSeq) return true;
    return found.lastSeq === value.lastSeq && JSON.stringify(found) !== JSON.stringify(value);
  }

  function stop(): void {
    life.end(value);
  }

  return {
    id,
    get state() {
      return life.state;
    },
    get error() {
      return life.error;
    },
    get value() {
      return value;
    },
    done: life.done,
    stop,
  };
}
