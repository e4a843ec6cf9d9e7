import type { Sql } from '../db/sql.ts';
import { feedHintText } from '../live/hint-source.ts';
import { refusals } from './errors.ts';
import {
  type EventInput,
  type ExecutionEvent,
  type ExecutionRef,
  endsExecution,
  eventJson,
  storable,
  storableJson,
  type TerminalStatus,
} from './events.ts';

/**
 * The feed's functions in the database. Each throws a FeedError where the feed refuses: STREAM_NOT_FOUND also for an
 * execution of somebody else, STREAM_CLOSED after the terminal status, STALE_ATTEMPT where another worker has taken
 * the execution, INVALID_EVENT with index and field of the faulty event. Those that append send a hint where that is
 * not the database's to do (`Sql.hint`).
 */

export type Stream = {
  userId: string;
  tenantId: string | null;
  origin: 'runcast' | 'external';
  lastSeq: number;
  state: 'open' | 'closed';
  attempt: number;
  worker: string | null;
  idempotencyKey: string | null;
  retryOf: string | null;
  cancelRequestedAt: Date | null;
};

/** The head of an execution's stream; undefined where the connection's role may not read it or there is none. */
export async function findStream(sql: Sql, { kind, id }: ExecutionRef): Promise<Stream | undefined> {
  const [stream] = await sql.query<Stream>(
    `select user_id as "userId", tenant_id as "tenantId", origin, last_seq::float8 as "lastSeq", state, attempt,
       worker, idempotency_key as "idempotencyKey", retry_of as "retryOf", cancel_requested_at as "cancelRequestedAt"
     from runcast.execution_streams where kind = $1 and execution_id = $2`,
    [kind, id],
  );
  return stream;
}

/** Which of these executions' streams the connection's role may read, each as `<kind>:<id>`. */
export async function visibleStreams(sql: Sql, refs: readonly ExecutionRef[]): Promise<Set<string>> {
  const rows = await sql.query<ExecutionRef>(
    `select kind, execution_id as id from runcast.execution_streams
     where (kind, execution_id) in (select * from unnest($1::text[], $2::text[]))`,
    [refs.map(({ kind }) => kind), refs.map(({ id }) => id)],
  );
  return new Set(rows.map(({ kind, id }) => `${kind}:${id}`));
}

/** The subselect runs first, so Postgres opens the one partition it names; a join would open them all. */
export const READ_EVENTS = `
  select seq::float8 as seq, type, at, attempt, payload
  from runcast.execution_events
  where bucket = (select bucket from runcast.execution_streams where kind = $1 and execution_id = $2)
    and kind = $1 and execution_id = $2 and seq > $3
  order by seq
  limit $4`;

/**
 * The events after a cursor, in order, as many as `limit`; none where the connection's role may not read them.
 *
 * @param range.after number of the last event the reader has; 0 for the beginning
 */
export function readEvents(
  sql: Sql,
  range: ExecutionRef & { after: number; limit: number },
): Promise<ExecutionEvent[]> {
  return sql.query<ExecutionEvent>(READ_EVENTS, [range.kind, range.id, range.after, range.limit]);
}

/**
 * Appends a batch; in one statement, so append what has gathered rather than event by event. For the service role.
 *
 * @param batch.attempt where given, refused with STALE_ATTEMPT unless it is the execution's current attempt
 * @returns the number of the last event
 */
export function appendEvents(sql: Sql, batch: Batch): Promise<number> {
  // The database decides what is an event, and says so better than a TypeError.
  const isLines = batch.events.every((event) => event?.type === 'log');
  return isLines ? appendLines(sql, batch) : appendAny(sql, batch);
}

type Batch = ExecutionRef & { events: readonly EventInput[]; attempt?: number };

/** Most batches are lines and nothing else; these cost the database a quarter less than others. */
async function appendLines(sql: Sql, { kind, id, events, attempt }: Batch): Promise<number> {
  const { seq, userId } = await one<{ seq: number; userId: string }>(
    sql,
    'select last_seq::float8 as seq, user_id as "userId" from runcast.append_lines($1, $2, $3::jsonb, $4)',
    [kind, id, storableJson(events.map(({ payload }) => payload)), attempt ?? null],
  );
  if (events.length > 0) sql.hint?.(feedHintText({ kind, id, seq, userId, ended: false }));
  return seq;
}

function appendAny(sql: Sql, batch: Batch): Promise<number> {
  const { events, attempt = null } = batch;
  return append<number>(sql, batch, {
    expression: 'runcast.append_execution_events($1, $2, $3::jsonb[], $4)::float8',
    values: [events.map(eventJson), attempt],
    news: (seq) => ({ seq, ended: events.some(endsExecution) }),
  });
}

/** As `appendEvents`, for the execution's owner: logs, progress and metrics alone. */
export function appendOwnEvents(
  sql: Sql,
  batch: ExecutionRef & { events: readonly EventInput[] },
): Promise<number> {
  return append<number>(sql, batch, {
    expression: 'runcast.append_own_events($1, $2, $3::jsonb[])::float8',
    values: [batch.events.map(eventJson)],
    news: (seq) => ({ seq, ended: false }),
  });
}

/** Whoever waits longest with the highest priority is next within a tenant; others' runs are not held up by it. */
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
export type Priority = (typeof PRIORITIES)[number];

export type Start = ExecutionRef & {
  tenantId?: string | undefined;
  idempotencyKey?: string | undefined;
  retryOf?: string | undefined;
  /** Default: normal. */
  priority?: Priority | undefined;
  /** The execution that this one is a part of: it is cancelled with it, and waits in no queue. */
  parent?:
    | (ExecutionRef & { /** The run of a workflow's step that waits for its end. */ stepRunId?: string })
    | undefined;
  /** How many executions up to one that a person, a program or a clock began, where it is no part of another. Default: 0. */
  depth?: number | undefined;
};

/**
 * Makes an execution ours to run, in the transaction that inserted its row; its job is enqueued once its tenant has a
 * place for it.
 *
 * @throws Postgres's 23505 on `execution_streams_idempotency_key` where the user has used that key for the kind
 * @throws {FeedError} QUEUE_FULL, TOO_DEEP
 */
export async function startExecution(sql: Sql, start: Start): Promise<void> {
  await call<null>(sql, 'runcast.start_execution($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', [
    start.kind,
    start.id,
    start.tenantId ?? null,
    start.idempotencyKey ?? null,
    start.retryOf ?? null,
    PRIORITIES.indexOf(start.priority ?? 'normal'),
    start.parent?.kind ?? null,
    start.parent?.id ?? null,
    start.parent?.stepRunId ?? null,
    start.depth ?? 0,
  ]);
}

/**
 * Ends an execution that no worker of ours runs; asks the worker where one does.
 *
 * @returns the status after it: `cancelled`, or `running` until the worker has ended it
 */
export function requestCancel(sql: Sql, request: ExecutionRef & { reason?: string }): Promise<string> {
  return append<string>(sql, request, {
    expression: 'runcast.request_cancel($1, $2, $3)',
    values: [request.reason ?? null],
    news: (status) => (status === 'cancelled' ? { ended: true } : undefined),
  });
}

/** @returns the attempt that fences this worker's writes; null where there is nothing to run */
export function takeExecution(sql: Sql, take: ExecutionRef & { worker: string }): Promise<number | null> {
  return append<number | null>(sql, take, {
    expression: 'runcast.take_execution($1, $2, $3)',
    values: [take.worker],
    // Without an attempt it may have been ended, because its cancellation was requested.
    news: () => ({ ended: false }),
  });
}

export type Finish = ExecutionRef & {
  attempt: number;
  status: TerminalStatus;
  /** Shown with the status; default: `error`. */
  reason?: string;
  error?: string;
  /** Stored as JSON. */
  result?: unknown;
};

/** Ends an execution; error and result on its row, the terminal status as its last event. */
export function finishExecution(sql: Sql, finish: Finish): Promise<number> {
  return append<number>(sql, finish, {
    expression: 'runcast.finish_execution($1, $2, $3, $4, $5, $6, $7::jsonb)::float8',
    values: [
      finish.attempt,
      finish.status,
      finish.reason ?? null,
      finish.error ?? null,
      finish.result === undefined ? null : storableJson(finish.result),
    ],
    news: (seq) => ({ seq, ended: true }),
  });
}

/** Hands a running execution back to be taken again, e.g. because this worker shuts down. */
export function releaseExecution(
  sql: Sql,
  release: ExecutionRef & { attempt: number; reason: string },
): Promise<number> {
  return append<number>(sql, release, {
    expression: 'runcast.release_execution($1, $2, $3, $4)::float8',
    values: [release.attempt, release.reason],
    news: (seq) => ({ seq, ended: false }),
  });
}

/** Brings the column `logs` of rows with newer lines up to date; returns how many it did, at most `limit`. */
export function refreshLogs(sql: Sql, limit = 100): Promise<number> {
  return call<number>(sql, 'runcast.refresh_logs($1)', [limit]);
}

/** Makes the partitions of this month and the next `months` that are missing; returns how many it made. */
export function ensurePartitions(sql: Sql, months = 3): Promise<number> {
  return call<number>(sql, 'runcast.ensure_event_partitions($1)', [months]);
}

export type Append<Result> = {
  /** A call of one function of ours; $1 and $2 are the execution's kind and id, and `values` follow. */
  expression: string;
  values: unknown[];
  /** What to tell readers; nothing where nothing was appended. */
  news: (result: Result) => { seq?: number; ended: boolean } | undefined;
};

/** Whose execution it is comes with the same statement, which sees the stream as it was before: its owner never changes. */
const OWNER = 'select user_id from runcast.execution_streams where kind = $1 and execution_id = $2';

/** Calls a function of a module's own that appends to an execution's feed, and sends the hint where that is ours to do. */
export function callAppending<Result>(sql: Sql, ref: ExecutionRef, how: Append<Result>): Promise<Result> {
  return append<Result>(sql, ref, how);
}

async function append<Result>(
  sql: Sql,
  { kind, id }: ExecutionRef,
  { expression, values, news }: Append<Result>,
): Promise<Result> {
  const all = [kind, id, ...values];
  if (!sql.hint) return call<Result>(sql, expression, all);
  const { result, userId } = await one<{ result: Result; userId: string | null }>(
    sql,
    `select ${expression} as result, (${OWNER}) as "userId"`,
    all,
  );
  const grown = news(result);
  if (grown) {
    const { seq, ended } = grown;
    sql.hint(feedHintText({ kind, id, seq, userId: userId ?? undefined, ended }));
  }
  return result;
}

/** @param expression a call of one function of ours with its parameters as $1, $2, … */
async function call<Result>(sql: Sql, expression: string, values: unknown[]): Promise<Result> {
  return (await one<{ result: Result }>(sql, `select ${expression} as result`, values)).result;
}

async function one<Row extends object>(sql: Sql, text: string, values: unknown[]): Promise<Row> {
  const [row] = await refusals(sql.query<Row>(text, values.map(storable)));
  if (row === undefined) throw new Error(`${text} returned no row`);
  return row;
}
