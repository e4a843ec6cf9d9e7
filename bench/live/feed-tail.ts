import type { Client, QueryConfig, QueryResultRow } from 'pg';
import { connect } from '../../src/platform/db/connect.ts';
import { READ_EVENTS } from '../../src/platform/feed/feed.ts';

/** Events as they go out in one message, as our API has them. */
export type Batch = {
  lastSeq: number;
  ended: boolean;
  events: { __typename: 'LogEvent'; seq: number; at: string; message: string }[];
};

type Row = { seq: number; at: Date; payload: { message: string } };

/** A watched run: the last event that was read, and whether there is more than that. */
type Tail = { lastSeq: number; isReading: boolean; hasMore: boolean };

const MOST_EVENTS = 500;

/**
 * What every server beside ours is fed by: one LISTEN connection, one query per wake-up for the new rows of a run, all
 * that were written since in one batch. Runs without watchers are not read.
 */
export class FeedTail {
  readonly #client: Client;
  readonly #tails = new Map<string, Tail>();
  readonly #onBatch: (run: string, batch: Batch) => void;
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
      const { rows } = await this.#query<Row>({
        name: 'tail',
        text: READ_EVENTS,
        values: ['training', run, tail.lastSeq, MOST_EVENTS],
      });
      if (rows.length === 0) continue;
      // What is beyond a full batch may have been told of already.
      if (rows.length === MOST_EVENTS) tail.hasMore = true;
      tail.lastSeq = rows.at(-1)?.seq ?? tail.lastSeq;
      this.#onBatch(run, batchOf(rows, tail.lastSeq));
    }
    tail.isReading = false;
  }

  /** One after another: a connection does no more at a time. */
  #query<Result extends QueryResultRow>(query: QueryConfig): Promise<{ rows: Result[] }> {
    const result = this.#lastQuery.then(() => this.#client.query<Result>(query));
    this.#lastQuery = result.catch(() => {});
    return result;
  }
}

/** As servers send them that publish every event for itself. */
export function oneByOne({ events, ended }: Batch): Batch[] {
  return events.map((event) => ({ lastSeq: event.seq, ended, events: [event] }));
}

function batchOf(rows: readonly Row[], lastSeq: number): Batch {
  const events = rows.map(({ seq, at, payload }) => ({
    __typename: 'LogEvent' as const,
    seq,
    at: at.toISOString(),
    message: payload.message,
  }));
  return { lastSeq, ended: false, events };
}
