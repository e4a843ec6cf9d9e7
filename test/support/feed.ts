import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import type { Sql } from '../../src/platform/db/sql.ts';
import type { EventInput, ExecutionKind } from '../../src/platform/feed/events.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

/** A connection of its own as the tables' owner; `as` and `asOwner` change whom its next statements act for. */
export type FeedClient = Sql & {
  client: Client;
  as(role: 'service_role' | 'authenticated' | 'anon', sub?: string): Promise<void>;
  asOwner(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function connectFeed(url: string): Promise<FeedClient> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const query = async <Row>(text: string, values?: unknown[]) =>
    (await client.query(text, values)).rows as Row[];
  return {
    client,
    query,
    async as(role, sub) {
      await query("select set_config('role', $1, false), set_config('request.jwt.claims', $2, false)", [
        role,
        JSON.stringify({ role, sub }),
      ]);
    },
    async asOwner() {
      await client.query('reset role; reset request.jwt.claims');
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

export type FeedFixture = { database: TestDatabase; db: FeedClient; user: string; close(): Promise<void> };

/** A database of the test file's own, a connection as its owner, and a user. */
export async function openFeed(): Promise<FeedFixture> {
  const database = await createTestDatabase();
  const db = await connectFeed(database.admin);
  const close = async () => {
    await db[Symbol.asyncDispose]();
    await database.drop();
  };
  return { database, db, user: await insertUser(db), close };
}

export async function insertUser(sql: Sql): Promise<string> {
  const id = randomUUID();
  await sql.query('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@example.com`]);
  return id;
}

/** What is notified on the channels while `work` runs, in order, as JSON; all of it, whoever notified. */
export async function notifiedDuring(
  url: string,
  channels: readonly string[],
  work: () => Promise<unknown>,
): Promise<unknown[]> {
  await using listener = await connectFeed(url);
  const end = Promise.withResolvers<void>();
  const notified: unknown[] = [];
  listener.client.on('notification', ({ channel, payload }) => {
    if (channel === 'end') end.resolve();
    else notified.push(JSON.parse(payload ?? ''));
  });
  for (const channel of [...channels, 'end']) await listener.query(`listen "${channel}"`);
  await work();
  // Notifications come in the order of their commits: with this one everything before it is here.
  await listener.query('notify "end"');
  await end.promise;
  return notified;
}

/** Columns of the row beyond those without a default. */
type TrainingValues = { status?: string; progress?: number; logs?: string[] };

export async function insertTraining(sql: Sql, userId: string, values: TrainingValues = {}): Promise<string> {
  const id = `exec_${randomUUID()}`;
  await sql.query(
    `insert into public.training_executions (id, user_id, public_id, method, provider, status, progress, logs)
     values ($1, $2, 'tiny', 'sft', 'local', $3, $4, $5)`,
    [id, userId, values.status ?? 'pending', values.progress ?? 0, values.logs ?? []],
  );
  return id;
}

export type TrainingRow = {
  status: string;
  progress: number;
  logs: string[];
  error: string | null;
  result: unknown;
  started_at: Date | null;
  completed_at: Date | null;
};

export async function trainingRow(sql: Sql, id: string): Promise<TrainingRow> {
  const [row] = await sql.query<TrainingRow>('select * from public.training_executions where id = $1', [id]);
  if (row === undefined) throw new Error(`no row ${id}`);
  return row;
}

/** The whole feed of an execution as short text, such as `1 status null→pending` or `2 log info stdout: hello`. */
export async function feedOf(sql: Sql, id: string, kind: ExecutionKind = 'training'): Promise<string[]> {
  const rows = await sql.query<EventInput & { seq: string }>(
    'select seq, type, payload from runcast.execution_events where kind = $1 and execution_id = $2 order by seq',
    [kind, id],
  );
  return rows.map((event) => `${event.seq} ${event.type} ${summary(event)}`);
}

function summary(event: EventInput): string {
  switch (event.type) {
    case 'status': {
      const { from, to, reason } = event.payload;
      return `${from}→${to}${reason === undefined ? '' : ` (${reason})`}`;
    }
    case 'progress':
      return String(event.payload.percent);
    case 'log':
      return `${event.payload.level} ${event.payload.source}: ${event.payload.message}`;
    default:
      return JSON.stringify(event.payload);
  }
}

/** The messages of all log lines of an execution, in order. */
export async function linesOf(sql: Sql, id: string): Promise<string[]> {
  const rows = await sql.query<{ line: string }>(
    `select payload ->> 'message' as line from runcast.execution_events
     where kind = 'training' and execution_id = $1 and type = 'log' order by seq`,
    [id],
  );
  return rows.map((row) => row.line);
}

export function line(message: string): EventInput {
  return { type: 'log', payload: { level: 'info', message, source: 'stdout' } };
}

export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
