import type { Client } from './client.ts';
import type { ExecutionEvent, ProgressEvent } from './events.ts';
import type { WatchState } from './life.ts';
import type { Watch } from './watch.ts';

/** What a page shows of a run; a new object whenever any of it changes. */
export type Execution = {
  /** The newest events, oldest first. */
  events: readonly ExecutionEvent[];
  /** As of the last STATUS event; undefined before the first. */
  status: string | undefined;
  /** The last PROGRESS event; undefined before the first. */
  progress: ProgressEvent | undefined;
  /** The number of the newest event. */
  lastSeq: number;
  state: WatchState;
  /** Why it is connecting again, or why it ended before the run's end. */
  error: unknown;
};

export type ExecutionOptions = {
  /** The number of the last event that is not wanted any more; 0 for all. Default: 0. */
  after?: number | undefined;
  /** How many of the newest events are kept; default: 1,000. */
  newest?: number | undefined;
};

/** What useSyncExternalStore takes. It watches the run while it has a listener, and goes on where it was. */
export type ExecutionStore = {
  subscribe(listener: () => void): () => void;
  snapshot(): Execution;
};

const NEWEST = 1_000;
/** Twenty renders a second look like a stream; a thousand lines a second would else be as many. */
const FRAME_MS = 50;

/** @param id undefined watches nothing: a run that is yet to be chosen or started */
export function createExecutionStore(
  client: Client,
  id: string | undefined,
  { after = 0, newest = NEWEST }: ExecutionOptions,
): ExecutionStore {
  const listeners = new Set<() => void>();
  let shown: Execution = { ...NOTHING, lastSeq: after };
  let current = shown;
  let kept: ExecutionEvent[] = [];
  let frame: ReturnType<typeof setTimeout> | undefined;
  let watch: Watch | undefined;

  function start(): void {
    if (id === undefined || current.state === 'ended') return;
    const started = client.watchExecution(id, {
      after: current.lastSeq,
      onEvent: take,
      onState(state, error) {
        // Stopped by us it has not ended for whoever comes next.
        if (watch === started) change({ state, error });
      },
    });
    watch = started;
  }

  function take(event: ExecutionEvent): void {
    kept.push(event);
    if (kept.length >= 2 * newest) kept = kept.slice(-newest);
    change({
      lastSeq: event.seq,
      ...(event.type === 'STATUS' && { status: event.to }),
      ...(event.type === 'PROGRESS' && { progress: event }),
    });
  }

  function change(news: Partial<Execution>): void {
    current = { ...current, ...news };
    frame ??= setTimeout(show, FRAME_MS);
  }

  function show(): void {
    frame = undefined;
    shown = { ...current, events: kept.slice(-newest) };
    for (const listener of listeners) listener();
  }

  function stop(): void {
    const stopped = watch;
    watch = undefined;
    stopped?.stop();
    clearTimeout(frame);
    frame = undefined;
  }

  return {
    snapshot: () => shown,
    subscribe(listener) {
      if (listeners.size === 0) start();
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
  };
}

const NOTHING: Execution = {
  events: [],
  status: undefined,
  progress: undefined,
  lastSeq: 0,
  state: 'connecting',
  error: undefined,
};
