import { scheduler } from 'node:timers/promises';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { connectFeed, type FeedClient } from '../feed.ts';
import { linesFrom } from './lines.ts';

/** How often it looks what is due. */
const TICK_MS = 10;

export type PacedWriterOptions = {
  /** The database, as its administrator. */
  url: string;
  runs: readonly string[];
  linesPerSecond: number;
  /** Lines in one append; default: 1. */
  batch?: number;
  /** Each writes runs of its own; default: 2. */
  connections?: number;
  /** Lines are filled up to so many characters; default: not. */
  lineBytes?: number;
  /** Called as soon as an append is acknowledged. */
  onCommitted?(run: string, lastSeq: number): void;
};

export type PacedWriter = {
  /** The number of each run's newest event that is known to be committed. */
  committed(): Record<string, number>;
  /** Ends every run, and resolves with the number of the last event of each. */
  finish(): Promise<Record<string, number>>;
};

/** Starts runs and appends lines to them, as the service role, in turn and at a steady rate. */
export async function startPacedWriter(options: PacedWriterOptions): Promise<PacedWriter> {
  const { url, runs, connections = 2, batch = 1 } = options;
  const committed: Record<string, number> = {};
  const stop = new AbortController();
  const shares = Array.from({ length: connections }, (_, share) =>
    runs.filter((_run, i) => i % connections === share),
  ).filter((own) => own.length > 0);

  async function append(db: FeedClient, run: string, count: number): Promise<void> {
    const events = linesFrom(run, (committed[run] ?? 0) + 1, count, options.lineBytes);
    const last = await appendEvents(db, { kind: 'training', id: run, events });
    committed[run] = last;
    options.onCommitted?.(run, last);
  }

  async function begin(own: readonly string[]): Promise<FeedClient> {
    const db = await connectFeed(url);
    await db.as('service_role');
    for (const run of own) committed[run] = await changeStatus(db, run, 'running');
    return db;
  }

  async function write(db: FeedClient, own: readonly string[]): Promise<void> {
    const rate = (options.linesPerSecond * own.length) / runs.length / 1000;
    const begun = performance.now();
    for (let written = 0, turn = 0; !stop.signal.aborted; ) {
      if (written + batch > (performance.now() - begun) * rate) {
        await scheduler.wait(TICK_MS, { signal: stop.signal }).catch(() => undefined);
        continue;
      }
      await append(db, own[turn % own.length] ?? '', batch);
      written += batch;
      turn += 1;
    }
    for (const run of own) committed[run] = await changeStatus(db, run, 'completed');
    await db[Symbol.asyncDispose]();
  }

  const clients = await Promise.all(shares.map(begin));
  const writing = Promise.all(clients.map((db, i) => write(db, shares[i] ?? [])));
  // Whoever finishes is told; until then a writer that failed must not end the process.
  writing.catch(() => {});
  return {
    committed: () => ({ ...committed }),
    async finish() {
      stop.abort();
      await writing;
      return { ...committed };
    },
  };
}

function changeStatus(db: FeedClient, id: string, to: string): Promise<number> {
  return appendEvents(db, { kind: 'training', id, events: [{ type: 'status', payload: { to } }] });
}
