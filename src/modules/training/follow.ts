import { setTimeout as wait } from 'node:timers/promises';
import type { OperationContext } from '../../graphql/context.ts';
import { NotFoundError } from '../../graphql/errors.ts';
import type { ExecutionEvent } from '../../platform/feed/events.ts';
import { findStream, readEvents } from '../../platform/feed/feed.ts';
import type { Wakeups } from '../../platform/live/hints.ts';
import { isTerminal } from './status.ts';

/** Events as they go out in one frame. */
export type EventBatch = { events: ExecutionEvent[]; lastSeq: number; ended: boolean };

/** All a subscriber ever holds in memory; a slower one is served from the database by its cursor. */
const PAGE = 500;
/** No progress bar shows more changes a second. */
const STATE_INTERVAL_MS = 100;

type Source = Pick<OperationContext, 'identity' | 'viewerDb' | 'live' | 'signal'>;

/**
 * Every event of an execution after a cursor, then live, until its end. Wake-ups are taken first and rows read
 * second; the number of an event settles order and doubles. Each read holds a lease of its own, under which the
 * policies decide anew whether the caller may see it.
 *
 * @param options.after number of the last event the subscriber has; beyond the newest one it waits for what is next
 * @param options.maxWaitMs how long events may gather for one batch after a wake-up
 * @throws {NotFoundError} where the execution is not there, or not the caller's
 */
export async function followEvents(
  source: Source,
  id: string,
  { after, maxWaitMs }: { after: number; maxWaitMs: number },
): Promise<AsyncIterableIterator<EventBatch>> {
  return following(
    source,
    source.live.streamHints('training', id),
    async function* (wakeups, first, signal) {
      let cursor = after;
      for (let page = await first; ; page = await readPage(source, id, cursor)) {
        cursor = page.lastSeq;
        if (page.events.length > 0 || page.ended) yield page;
        if (page.ended || signal.aborted) return;
        if (page.events.length === PAGE) continue;
        await wakeups.wait(signal);
        if (signal.aborted) return;
        if (maxWaitMs > 0) await wait(maxWaitMs, undefined, { signal }).catch(() => undefined);
      }
    },
    () => readPage(source, id, after),
  );
}

async function readPage({ viewerDb, identity }: Source, id: string, after: number): Promise<EventBatch> {
  return viewerDb.withViewer(identity.claims, async ({ sql }) => {
    const events = await readEvents(sql, { kind: 'training', id, after, limit: PAGE });
    const last = events.at(-1);
    if (last !== undefined) return { events, lastSeq: last.seq, ended: isEnd(last) };
    const stream = await findStream(sql, { kind: 'training', id });
    if (stream === undefined) throw new NotFoundError('training execution', id);
    // Read in this order a stream that closes in between is seen open, and its events come with the next read.
    return { events, lastSeq: after, ended: stream.state === 'closed' && stream.lastSeq <= after };
  });
}

function isEnd(event: ExecutionEvent): boolean {
  return event.type === 'status' && isTerminal(event.payload.to);
}

/**
 * Says that an execution's state has changed, at once for the first time and then at most every 100 ms; the last
 * change is always among them.
 */
export async function followState(
  source: Source,
  id: string,
): Promise<AsyncIterableIterator<{ id: string }>> {
  const read = () =>
    source.viewerDb.withViewer(source.identity.claims, async ({ sql }) => {
      const stream = await findStream(sql, { kind: 'training', id });
      if (stream === undefined) throw new NotFoundError('training execution', id);
      return stream;
    });
  return following(
    source,
    source.live.streamHints('training', id),
    async function* (wakeups, first, signal) {
      let seen = -1;
      for (let stream = await first; ; stream = await read()) {
        if (stream.lastSeq > seen) {
          seen = stream.lastSeq;
          yield { id };
          if (stream.state === 'closed') return;
          await wait(STATE_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
        }
        await wakeups.wait(signal);
        if (signal.aborted) return;
      }
    },
    read,
  );
}

type Generate<First, Item> = (
  wakeups: Wakeups,
  first: Promise<First>,
  signal: AbortSignal,
) => AsyncGenerator<Item>;

/**
 * A generator that ends when its consumer returns or its context's signal aborts, also while it waits: a bare
 * generator would keep `return()` waiting for whatever it awaits.
 *
 * @param readFirst runs before this resolves, so that what it throws refuses the subscription
 */
export async function following<First, Item>(
  { signal }: Pick<OperationContext, 'signal'>,
  wakeups: Wakeups,
  generate: Generate<First, Item>,
  readFirst: () => Promise<First>,
): Promise<AsyncIterableIterator<Item>> {
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  const leave = () => {
    stop.abort();
    signal.removeEventListener('abort', onAbort);
    wakeups[Symbol.dispose]();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const first = readFirst();
  try {
    await first;
  } catch (error) {
    leave();
    throw error;
  }
  const items = generate(wakeups, first, stop.signal);
  const iterator: AsyncIterableIterator<Item> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      try {
        const item = await items.next();
        if (item.done) leave();
        return item;
      } catch (error) {
        leave();
        throw error;
      }
    },
    async return() {
      leave();
      return items.return(undefined);
    },
  };
  return iterator;
}
