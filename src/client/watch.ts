import { createCursor, type Gap } from './cursor.ts';
import { EXECUTION_EVENTS } from './documents.ts';
import type { EventBatch, ExecutionEvent } from './events.ts';
import { createInbox } from './inbox.ts';
import { createLife, type OnState, type WatchState } from './life.ts';
import { type Carrier, keepSubscribed } from './subscription.ts';
import { createWatchdog } from './watchdog.ts';

export type WatchOptions = {
  /** The number of the last event you have; 0 for all. Default: 0. */
  after?: number | undefined;
  /**
   * Called for each event, in order, each once. What it throws ends the watch. With it the watch cannot be iterated, and
   * nothing is buffered: events come as fast as the connection brings them.
   */
  onEvent?: ((event: ExecutionEvent) => void) | undefined;
  onState?: OnState | undefined;
  /** Called where the server left events out: once when it is noticed, and once more where they are lost. */
  onGap?: ((gap: Gap) => void) | undefined;
  /** Stops the watch when it aborts. */
  signal?: AbortSignal | undefined;
  /**
   * How many events are kept for whoever iterates the watch, at most; default: 10,000. When so many wait, the watch
   * leaves the run, and goes on where it was once half of them are taken.
   */
  maxBuffered?: number | undefined;
};

/**
 * A run as it is followed. Iterate it for the events, once, unless `onEvent` takes them; leaving the loop stops it. A
 * watch that nobody iterates ends no sooner than its buffer allows.
 */
export type Watch = AsyncIterable<ExecutionEvent> & {
  readonly id: string;
  readonly state: WatchState;
  /** Why it is connecting again, or why it ended before the run's end. */
  readonly error: unknown;
  /** The number of the last event that was handed over: `after` for a watch that goes on from here. */
  readonly lastSeq: number;
  /** Resolves at the run's end, or when the watch is stopped; rejects where it cannot go on. */
  readonly done: Promise<WatchEnd>;
  /** Ends it; nothing is handed over any more. */
  stop(): void;
};

export type WatchEnd = {
  /** Whether the run has ended, or only the watch was stopped. */
  reason: 'finished' | 'stopped';
  /** The run's status as far as it is known: what the last STATUS event said. */
  status: string | undefined;
};

/** A run about which nothing comes for so long has nothing older than the newest to tell. */
const SETTLED_MS = 1_000;
const MAX_BUFFERED = 10_000;

export function watchExecution(carrier: Carrier, id: string, options: WatchOptions = {}): Watch {
  const { after = 0, onEvent, onGap, signal, maxBuffered = MAX_BUFFERED } = options;
  const cursor = createCursor(after);
  let lastSeq = after;
  let status: string | undefined;

  const settled = createWatchdog(() => life.become('live'));
  const inbox = createInbox<ExecutionEvent>({
    limit: maxBuffered,
    onTaken: ({ seq }) => {
      lastSeq = seq;
    },
    onRoom: () => subscription.resume(),
    onLeft: stop,
  });
  const life = createLife<WatchEnd>(options.onState, (error) => {
    settled.stop();
    subscription.stop();
    inbox.end(error);
    signal?.removeEventListener('abort', stop);
  });
  const subscription = keepSubscribed(
    carrier,
    { query: EXECUTION_EVENTS, variables: () => ({ after: cursor.seq, id }) },
    {
      onOpen() {
        life.become('behind');
        settled.start(SETTLED_MS);
      },
      onData: (data) => takeBatch(data.executionEvents as EventBatch),
      onBroken(error) {
        settled.stop();
        life.become('connecting', error);
      },
      // Only a batch says that a run has ended.
      onComplete: () => false,
      onFailed: life.fail,
    },
  );
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop);

  function takeBatch({ events, lastSeq: last, hasMore, ended }: EventBatch): void {
    settled.stop();
    for (const event of events) {
      if (event.seq <= cursor.seq) continue;
      if (!isReached(event.seq) || !takeEvent(event)) return;
    }
    if (!isReached(last + 1)) return;
    cursor.moveTo(Math.max(last, cursor.seq));
    if (ended) life.end({ reason: 'finished', status });
    else life.become(hasMore ? 'behind' : 'live');
  }

  /** Whether all events before that number are here, or lost; else they are asked for again. */
  function isReached(seq: number): boolean {
    const gap = cursor.gapBefore(seq);
    if (!gap) return true;
    const { from, to, isLost, isNew } = gap;
    if (isNew || isLost) onGap?.({ from, to, isLost });
    if (isLost) return true;
    life.become('behind');
    subscription.restart();
    return false;
  }

  /** @returns whether there may be another */
  function takeEvent(event: ExecutionEvent): boolean {
    cursor.moveTo(event.seq);
    if (event.type === 'STATUS') status = event.to;
    if (onEvent) {
      lastSeq = event.seq;
      onEvent(event);
    } else if (!inbox.put(event)) {
      subscription.pause();
      life.become('behind');
      return false;
    }
    return life.state !== 'ended';
  }

  function stop(): void {
    inbox.clear();
    life.end({ reason: 'stopped', status });
  }

  return {
    id,
    get state() {
      return life.state;
    },
    get error() {
      return life.error;
    },
    get lastSeq() {
      return lastSeq;
    },
    done: life.done,
    stop,
    [Symbol.asyncIterator]() {
      if (onEvent) throw new TypeError('onEvent takes the events of this watch: it cannot be iterated.');
      return inbox.iterator;
    },
  };
}
