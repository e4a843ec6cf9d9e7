import { setTimeout as wait } from 'node:timers/promises';
import type { Sql } from '../db/sql.ts';
import { messageOf } from '../errors.ts';
import type { ExecutionRef } from '../feed/events.ts';
import { PAGE, type PageRequest, readStreams, type StreamPage } from '../feed/stream-pages.ts';
import type { Logger } from '../logger.ts';

type Extent = {
  /** How many events there may be, as far as is known. */
  expected: number;
  /** How many are wanted, 1 to PAGE. */
  most: number;
};

/** Reads a stream after a cursor; undefined where the execution is gone. Rejects only once it is closed. */
export type ReadStream = (
  ref: ExecutionRef,
  after: number,
  extent: Extent,
) => Promise<StreamPage | undefined>;

export type StreamReader = { read: ReadStream; close(): void };

/** So many streams are read by one statement, */
const MOST_STREAMS = 64;
/** or so many events: sixty whole pages would be 30,000 rows in memory at once. */
const MOST_EVENTS = 2 * PAGE;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

type Request = PageRequest & {
  expected: number;
  resolve: (page: StreamPage | undefined) => void;
  reject: (error: Error) => void;
};

/**
 * Reads of all streams of a process: those that are wanted while others are under way go together as one statement, so a
 * thousand streams that grow at once cost a few statements, not a thousand. While Postgres is away it tries again until it
 * is back: whoever follows an execution waits, and misses nothing.
 *
 * @param sql as the service role; who may see a stream is decided before it is followed
 * @param concurrency statements at the same time, as many as there are connections for it
 */
export function createStreamReader(options: { sql: Sql; concurrency: number; log: Logger }): StreamReader {
  const { sql, concurrency, log } = options;
  const stop = new AbortController();
  let queue: Request[] = [];
  let running = 0;

  function pump(): void {
    while (running < concurrency && queue.length > 0) {
      const requests = queue.slice(0, statementSize(queue));
      queue = queue.slice(requests.length);
      running += 1;
      void answer(requests).finally(() => {
        running -= 1;
        pump();
      });
    }
  }

  async function answer(requests: readonly Request[]): Promise<void> {
    try {
      const pages = await untilItWorks(() => readStreams(sql, requests));
      for (const [at, { resolve }] of requests.entries()) resolve(pages[at]);
    } catch (error) {
      for (const { reject } of requests) reject(new Error('The hub is closed.', { cause: error }));
    }
  }

  async function untilItWorks<T>(read: () => Promise<T>): Promise<T> {
    for (let pause = FIRST_WAIT_MS; ; pause = Math.min(2 * pause, LONGEST_WAIT_MS)) {
      try {
        return await read();
      } catch (error) {
        if (stop.signal.aborted) throw error;
        log.warn({ reason: messageOf(error) }, 'the feed could not be read; trying again');
      }
      await wait(pause, undefined, { signal: stop.signal });
    }
  }

  return {
    read: (ref, after, extent) =>
      new Promise((resolve, reject) => {
        queue.push({ ref, after, ...extent, resolve, reject });
        // Everything that this turn of the event loop asks for goes together.
        if (queue.length === 1) setImmediate(pump);
      }),
    close: () => stop.abort(),
  };
}

/** How many of the requests go into one statement: at least one. */
function statementSize(queue: readonly Extent[]): number {
  let events = 0;
  const tooMany = queue.slice(0, MOST_STREAMS).findIndex(({ expected, most }, at) => {
    events += Math.min(expected, most);
    return at > 0 && events > MOST_EVENTS;
  });
  return tooMany < 0 ? Math.min(queue.length, MOST_STREAMS) : tooMany;
}
