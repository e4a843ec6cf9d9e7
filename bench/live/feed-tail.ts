import type { Client, QueryConfig } from 'pg';
import { connect } from '../../src/platform/db/connect.ts';
import type { Sql } from '../../src/platform/db/sql.ts';
import { PAGE, readStreams, type SizedEvent } from '../../src/platform/feed/stream-pages.ts';

/** Events as they go out in one message, as our API has them. */
export type Batch = {
  lastSeq: number;
  ended: boolean;
  events: { __typename: 'LogEvent'; seq: number; at: string; message: string }[];
};

/** A watched run: the last event that was read, and whether there is more than that. */
type Tail = { lastSeq: number; isReading: boolean; hasMore: boolean };

/**
 * What every server beside ours is fed by: one LISTEN connection, one query per wake-up for the new rows of a run, all
 * that were written since in one batch, read as ours reads them. Runs without watchers are not read.
 */
export class FeedTail {
  readonly #client: Client;
  readonly #tails = new Map<string, Tail>();
  readonly #onBatch: (run: string, batch: Batch) => void;
  readonly #sql: Sql = {
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await this.#query<Row>({ name: 'tail', text, values: [...values] })).rows,
  };
  #lastQuery: Promise<unknown> = Promise.resolve();

  /** @param url of a login role that may become service_role */
  static async open(url: string, onBatch: (run: string, batch: Batch) => void): Promise<FeedTail> {
    const client = await connect(url, 'runcast bench');
    await client.query('set role service_role');
    await client.query('listen runcast_feed');
    return new FeedTail(client, onBatch);
  }

  private constructor(client: Client, onBatch: (run: string, batch: Batch) => void) {
    this.#client = client;
    this.#onBatch = onBatch;
    client.on('notification', ({ payload }) => {
      const { i: run } = JSON.parse(payload ?? '{}');
      const tail = this.#tails.get(run);
      if (tail) this.#wake(run, tail);
    });
  }

  /** Gives the batches of a run from here on, whoever else watches it. */
  async watch(run: string): Promise<void> {
    if (this.#tails.has(run)) return;
    // Until its head is read a wake-up waits its turn.
    const tail = { lastSeq: 0, isReading: true, hasMore: false };
    this.#tails.set(run, tail);
    const { rows } = await this.#query<{ seq: number }>({
      name: 'head',
      text: `select last_seq::float8 as seq from runcast.execution_streams where kind = 'training' and execution_id = $1`,
      values: [run],
    });
    tail.lastSeq = rows[0]?.seq ?? 0;
    tail.isReading = false;
    if (tail.hasMore) this.#wake(run, tail);
  }

  #wake(run: string, tail: Tail): void {
    tail.hasMore = true;
    if (!tail.isReading) void this.#read(run, tail);
  }

  async #read(run: string, tail: Tail): Promise<void> {
    tail.isReading = true;
    while (tail.hasMore) {
      tail.hasMore = false;
      const ref = { kind: 'training', id: run } as const;
      const [page] = await readStreams(this.#sql, [{ ref, after: tail.lastSeq, most: PAGE }]);
      const events = page?.events ?? [];
      if (events.length === 0) continue;
      // What is beyond a full batch may have been told of already.
      if (events.length === PAGE) tail.hasMore = true;
      tail.lastSeq = events.at(-1)?.event.seq ?? tail.lastSeq;
      this.#onBatch(run, batchOf(events, tail.lastSeq));
    }
    tail.isReading = false;
  }

  /** One after another: a connection does no more at a time. */
  #query<Result extends object>(query: QueryConfig): Promise<{ rows: Result[] }> {
    const result = this.#lastQuery.then(() => this.#client.query<Result>(query));
    this.#lastQuery = result.catch(() => {});
    return result;
  }
}

/** As servers send them that publish every event for itself. */
export function oneByOne({ events, ended }: Batch): Batch[] {
  return events.map((event) => ({ lastSeq: event.seq, ended, events: [event] }));
}

function batchOf(sized: readonly SizedEvent[], lastSeq: number): Batch {
  const events = sized.flatMap(({ event }) => {
    if (event.type !== 'log') return [];
    const { seq, at, payload } = event;
    return [{ __typename: 'LogEvent' as const, seq, at: at.toISOString(), message: payload.message }];
  });
  return { lastSeq, ended: false, events };
}
