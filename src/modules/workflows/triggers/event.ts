import type { Sql } from '../../../platform/db/sql.ts';

/** Something that has happened, as conditions and the runs that it starts read it. */
export type PlatformEvent = {
  type: string;
  timestamp: string;
  userId: string | null;
  tenantId: string | null;
  properties: unknown;
};

export type HeardEvent = {
  id: string;
  event: PlatformEvent;
  /** How many runs up to it started each other; undefined where none did. */
  depth: number | undefined;
};

type Row = Omit<PlatformEvent, 'timestamp'> & { at: Date; metadata: unknown };

/** An event of telemetry; undefined where it was deleted. */
export async function loadTelemetry(sql: Sql, id: string): Promise<HeardEvent | undefined> {
  const [row] = await sql.query<Row>(
    `select type, "timestamp" as at, user_id as "userId", tenant_id as "tenantId", properties, metadata
     from public.telemetry_events where id = $1`,
    [id],
  );
  if (row === undefined) return undefined;
  const { at, metadata, ...rest } = row;
  const { executionId, depth } = fieldsOf(row.properties);
  // What a step has written names its run there, which no definition can change.
  const writer = fieldsOf(fieldsOf(metadata).runcast).executionId;
  const known = await depthOf(
    sql,
    [executionId, writer].filter((text) => typeof text === 'string'),
  );
  // A run that was deleted since has said it itself.
  const said = Number.isSafeInteger(depth) ? [Math.max(0, Number(depth))] : [];
  return { id, event: { ...rest, timestamp: at.toISOString() }, depth: deepest([...known, ...said]) };
}

/** The end of a training run, as an event; undefined where it was deleted. */
export async function loadTrainingEnd(sql: Sql, id: string): Promise<HeardEvent | undefined> {
  const [row] = await sql.query<Omit<Row, 'metadata'>>(
    `select 'training_' || e.status as type, s.user_id as "userId", s.tenant_id as "tenantId",
       coalesce(e.completed_at, s.updated_at) as at,
       jsonb_strip_nulls(jsonb_build_object('executionId', e.id, 'publicId', e.public_id, 'method', e.method,
         'provider', e.provider, 'error', e.error, 'result', e.result)) as properties
     from public.training_executions e
     join runcast.execution_streams s on s.kind = 'training' and s.execution_id = e.id
     where e.id = $1`,
    [id],
  );
  if (row === undefined) return undefined;
  const { at, ...event } = row;
  const depth = deepest(await depthOf(sql, [id]));
  return { id, event: { ...event, timestamp: at.toISOString() }, depth };
}

async function depthOf(sql: Sql, executionIds: readonly string[]): Promise<number[]> {
  if (executionIds.length === 0) return [];
  const rows = await sql.query<{ depth: number }>(
    `select depth from runcast.execution_streams
     where kind in ('training', 'agent', 'workflow') and execution_id = any ($1::text[])`,
    [executionIds],
  );
  return rows.map(({ depth }) => depth);
}

function deepest(depths: readonly number[]): number | undefined {
  return depths.length === 0 ? undefined : Math.max(...depths);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** The workflows that listen for an event of that name, by their ids. As runcast.is_listened_for has it. */
export async function listenersOf(sql: Sql, { type, tenantId, userId }: PlatformEvent): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `select w.id from public.workflows w
     where w.trigger ->> 'type' = 'event' and w.enabled and w.trigger ->> 'eventName' = $1
       and (w.tenant_id = $2 or ($2::uuid is null and w.tenant_id is null and w.created_by = $3))
     order by w.id`,
    [type, tenantId, userId],
  );
  return rows.map(({ id }) => id);
}
