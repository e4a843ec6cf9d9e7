import type { Sql } from '../../platform/db/sql.ts';

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
     where kind = 'training' and user_id = $1 and updated_at > $2`,
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
