import { Client } from 'pg';
import { createServiceDatabase, type ServiceDatabase } from '../../src/platform/db/service.ts';
import type { Sql } from '../../src/platform/db/sql.ts';
import { type EventInput, storableJson } from '../../src/platform/feed/events.ts';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import { createNotifier, type Notifier } from '../../src/platform/live/notifier.ts';
import { createLogger } from '../../src/platform/logger.ts';
import type { OwnedRun } from './runs.ts';

/** Stores a batch behind a run's last event, in a transaction of its own. */
export type WayIn = (batch: {
  run: OwnedRun;
  writer: number;
  events: readonly EventInput[];
}) => Promise<unknown>;

const COLUMNS = 'bucket, kind, execution_id, seq, type, at, attempt, payload';
const BUCKET = "date_trunc('month', now() at time zone 'utc')::date";

/** The rows of a batch and nothing else, as one writes that by hand. */
const ROWS = `insert into runcast.execution_events (${COLUMNS})
  select ${BUCKET}, 'training', $1, $2::bigint + i, type, clock_timestamp(), 0, payload
  from unnest($3::text[], $4::jsonb[]) with ordinality as batch (type, payload, i)`;

/** The same out of one JSON document, as the feed takes its lines, and through the same client. */
const ROWS_OF_DOCUMENT = `insert into runcast.execution_events (${COLUMNS})
  select ${BUCKET}, 'training', $1, $2::float8::bigint + i, 'log', clock_timestamp(), 0, line
  from jsonb_array_elements($3::jsonb) with ordinality as lines (line, i)`;

/** The feed, whose own transaction says so, once. */
const NOTIFYING = `
  select set_config('runcast.hints', 'on', true), runcast.append_lines('training', $1, $2::jsonb, 0)`;

/** The feed with a notification for each row, as a trigger on the table would send it. */
const NOTIFYING_EACH = `
  with appended as materialized (select last_seq from runcast.append_lines('training', $1, $2::jsonb, 0))
  select count(pg_notify('runcast_feed', json_build_object(
    'k', 'training', 'i', $1::text, 's', last_seq - n, 'u', $3::text, 't', false)::text))
  from appended, generate_series(0, jsonb_array_length($2::jsonb) - 1) n`;

/** Every way in that is measured, each with as many connections as there are writers. */
export class WaysIn implements AsyncDisposable {
  readonly #notifier: Notifier;
  readonly #database: ServiceDatabase;
  readonly #bare: readonly Client[];

  private constructor(urls: { admin: string; worker: string }, writers: number) {
    const log = createLogger('warn');
    this.#notifier = createNotifier({ url: urls.worker, log });
    this.#database = createServiceDatabase({
      url: urls.worker,
      poolSize: writers,
      sendHint: (hint) => this.#notifier.publish(hint),
      log,
    });
    this.#bare = Array.from({ length: writers }, () => new Client({ connectionString: urls.admin }));
  }

  /** @param writers as many connections has each way */
  static async open(urls: { admin: string; worker: string }, writers: number): Promise<WaysIn> {
    const ways = new WaysIn(urls, writers);
    await Promise.all(ways.#bare.map((client) => client.connect()));
    // By itself the service may read events only.
    await ways.#bare[0]?.query('grant insert on runcast.execution_events to service_role');
    return ways;
  }

  get #sql(): Sql {
    return this.#database.sql;
  }

  readonly rows: WayIn = ({ run, writer, events }) => {
    const payloads = events.map(({ payload }) => JSON.stringify(payload));
    const values = [run.id, run.lastSeq, events.map(({ type }) => type), payloads];
    const client = this.#bare[writer];
    if (client === undefined) throw new Error(`There is no connection for writer ${writer}.`);
    return client.query({ name: 'rows', text: ROWS, values });
  };

  readonly rowsOfDocument: WayIn = ({ run, events }) =>
    this.#sql.query(ROWS_OF_DOCUMENT, [run.id, run.lastSeq, linesJson(events)]);

  readonly feed: WayIn = ({ run: { id }, events }) =>
    appendEvents(this.#sql, { kind: 'training', id, events, attempt: 0 });

  readonly notifying: WayIn = ({ run, events }) => this.#sql.query(NOTIFYING, [run.id, linesJson(events)]);

  readonly notifyingEach: WayIn = ({ run, events }) =>
    this.#sql.query(NOTIFYING_EACH, [run.id, linesJson(events), run.userId]);

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#bare.map((client) => client.end()));
    await this.#database.close();
    await this.#notifier.close();
  }
}

function linesJson(events: readonly EventInput[]): string {
  return storableJson(events.map(({ payload }) => payload));
}
