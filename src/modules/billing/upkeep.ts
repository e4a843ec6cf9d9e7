import type { Sql } from '../../platform/db/sql.ts';

/** A transaction's worth: half a second, and what is lost where the process ends within it. */
const AT_ONCE = 20_000;

/** Adds up to `limit` changes to the sums of usage, as service_role; returns how many. */
export async function compactUsage(sql: Sql, limit = AT_ONCE): Promise<number> {
  const [row] = await sql.query<{ taken: number }>('select runcast.compact_usage($1) as taken', [limit]);
  return row?.taken ?? 0;
}

/** Until there are few left; of several workers one does it. */
export async function compactAllUsage(sql: Sql, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await compactUsage(sql)) === AT_ONCE) {}
}
