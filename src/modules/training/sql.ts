import type { Sql } from '../../platform/db/sql.ts';
import type { EventType, ExecutionEvent } from '../../platform/feed/events.ts';

/** What an execution's stream knows beyond its row. */
export type StreamHead = {
  tenantId: string | null;
  attempt: number;
  lastSeq: number;
  retryOf: string | null;
  cancelRequestedAt: Date | null;
};

/** The streams of one level's executions in one statement; streams and rows have no relation Prisma could join. */
export async function loadHeads(sql: Sql, ids: string[]): Promise<Map<string, StreamHead>> {
  const rows = await sql.query<StreamHead & { id: string }>(
    `select execution_id as id, tenant_id as "tenantId", attempt, last_seq::float8 as "lastSeq",
       retry_of as "retryOf", cancel_requested_at as "cancelRequestedAt"
     from runcast.execution_streams where kind = 'training' and execution_id = any($1::text[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** The estimate is in the newest progress event; further back than this many events it says nothing about now. */
const ETA_LOOK_BACK = 2_000;
/** GraphQL's Int ends there: 68 years, which says as much as any longer time. */
const LONGEST_ETA = 2 ** 31 - 1;

/** The seconds left that the newest progress of each execution tells, less those that have passed since. */
export async function loadEtas(sql: Sql, ids: string[]): Promise<Map<string, number>> {
  const rows = await sql.query<{ id: string; eta: number }>(
    `select s.execution_id as id,
       greatest(0, (e.payload ->> 'etaSeconds')::float8 - extract(epoch from clock_timestamp() - e.at)::float8) as eta
     from runcast.execution_streams s
     cross join lateral (
       select payload, at from runcast.execution_events
       where bucket = s.bucket and kind = s.kind and execution_id = s.execution_id
         and type = 'progress' and seq > s.last_seq - ${ETA_LOOK_BACK}
       order by seq desc limit 1) e
     where s.kind = 'training' and s.execution_id = any($1::text[]) and s.state = 'open'
       and e.payload ->> 'etaSeconds' is not null`,
    [ids],
  );
  return new Map(rows.map(({ id, eta }) => [id, Math.min(Math.round(eta), LONGEST_ETA)]));
}

export type EventRange = {
  /** Events with larger numbers than that; 0 for the beginning. */
  after: number;
  /** Events with smaller numbers than that; undefined for no end. */
  before: number | undefined;
  types: readonly EventType[] | undefined;
  limit: number;
  /** From which end of the range the events are taken; they come in ascending order either way. */
  from: 'start' | 'end';
};

/** The same range of the feeds of one level's executions, in one statement. */
export async function loadEvents(
  sql: Sql,
  ids: string[],
  { after, before, types, limit, from }: EventRange,
): Promise<Map<string, ExecutionEvent[]>> {
  const rows = await sql.query<ExecutionEvent & { id: string }>(
    `select s.execution_id as id, e.seq::float8 as seq, e.type, e.at, e.attempt, e.payload
     from runcast.execution_streams s
     cross join lateral (
       select seq, type, at, attempt, payload from runcast.execution_events
       where bucket = s.bucket and kind = s.kind and execution_id = s.execution_id
         and seq > $2::float8::bigint and ($3::float8 is null or seq < $3::float8::bigint)
         and ($4::text[] is null or type = any($4::text[]))
       order by seq ${from === 'end' ? 'desc' : 'asc'} limit $5::float8::bigint) e
     where s.kind = 'training' and s.execution_id = any($1::text[])
     order by s.execution_id, e.seq`,
    [ids, after, before ?? null, types ?? null, limit],
  );
  return Map.groupBy(rows, ({ id }) => id);
}

/** An execution as it was asked for, to tell whether a second call with its idempotency key asks for the same. */
export type Asked = {
  publicId: string;
  method: string;
  provider: string;
  callbackUrl: string | null;
  config: unknown;
  tenantId: string | null;
  retryOf: string | null;
};

export async function findByIdempotencyKey(
  sql: Sql,
  userId: string,
  key: string,
): Promise<(Asked & { id: string }) | undefined> {
  const [row] = await sql.query<Asked & { id: string }>(
    `select e.id, e.public_id as "publicId", e.method, e.provider, e.callback_url as "callbackUrl", e.config,
       s.tenant_id as "tenantId", s.retry_of as "retryOf"
     from runcast.execution_streams s join public.training_executions e on e.id = s.execution_id
     where s.user_id = $1 and s.kind = 'training' and s.idempotency_key = $2`,
    [userId, key],
  );
  return row;
}

/** The caller's executions whose feeds have grown since a moment, with how far. */
export async function changedSince(sql: Sql, userId: string, since: Date): Promise<Map<string, number>> {
  const rows = await sql.query<{ id: string; lastSeq: number }>(
    `select execution_id as id, last_seq::float8 as "lastSeq" from runcast.execution_streams
     where kind = 'training' and user_id = $1 and updated_at > $2 order by updated_at desc limit 1000`,
    [userId, since],
  );
  return new Map(rows.map(({ id, lastSeq }) => [id, lastSeq]));
}

/** The datasets of each config that the caller may see, oldest first. */
export async function loadDatasetIds(sql: Sql, configs: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await sql.query<{ config: string; dataset: string }>(
    `select l.config_id::text as config, d.id::text as dataset
     from public.training_config_datasets l
     join public.training_datasets d on d.id = l.dataset_id
     where l.config_id = any ($1::uuid[])
     order by d.created_at, d.id`,
    [configs],
  );
  const byConfig = Map.groupBy(rows, ({ config }) => config);
  return new Map([...byConfig].map(([config, links]) => [config, links.map(({ dataset }) => dataset)]));
}
