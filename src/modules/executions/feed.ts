import type { Sql } from '../../platform/db/sql.ts';
import type { EventType, ExecutionEvent, ExecutionKind } from '../../platform/feed/events.ts';

/** What an execution's stream knows beyond its row. */
export type StreamHead = {
  tenantId: string | null;
  attempt: number;
  lastSeq: number;
  retryOf: string | null;
  cancelRequestedAt: Date | null;
};

/** The streams of one level's executions in one statement; streams and rows have no relation Prisma could join. */
export async function loadHeads(
  sql: Sql,
  kind: ExecutionKind,
  ids: string[],
): Promise<Map<string, StreamHead>> {
  const rows = await sql.query<StreamHead & { id: string }>(
    `select execution_id as id, tenant_id as "tenantId", attempt, last_seq::float8 as "lastSeq",
       retry_of as "retryOf", cancel_requested_at as "cancelRequestedAt"
     from runcast.execution_streams where kind = $1 and execution_id = any($2::text[])`,
    [kind, ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
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
  kind: ExecutionKind,
  ids: string[],
  { after, before, types, limit, from }: EventRange,
): Promise<Map<string, ExecutionEvent[]>> {
  const rows = await sql.query<ExecutionEvent & { id: string }>(
    `select s.execution_id as id, e.seq::float8 as seq, e.type, e.at, e.attempt, e.payload
     from runcast.execution_streams s
     cross join lateral (
       select seq, type, at, attempt, payload from runcast.execution_events
       where bucket = s.bucket and kind = s.kind and execution_id = s.execution_id
         and seq > $3::float8::bigint and ($4::float8 is null or seq < $4::float8::bigint)
         and ($5::text[] is null or type = any($5::text[]))
       order by seq ${from === 'end' ? 'desc' : 'asc'} limit $6::float8::bigint) e
     where s.kind = $1 and s.execution_id = any($2::text[])
     order by s.execution_id, e.seq`,
    [kind, ids, after, before ?? null, types ?? null, limit],
  );
  return Map.groupBy(rows, ({ id }) => id);
}
