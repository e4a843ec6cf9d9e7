import { NotFoundError, ValidationError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import type { Lease } from '../../platform/db/lease.ts';

/** The use cases around notifications. Each acts as the lease's viewer, for whom the policies show the viewer's own. */

/** As many as the longest page has. */
export const MAX_IDS = 100;

/**
 * All of them or none; one that was read already keeps its time.
 *
 * @returns the ids, in the order given
 * @throws {NotFoundError} for the first that is not the caller's
 */
export async function markRead(db: Lease, userId: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0 || ids.length > MAX_IDS) {
    throw new ValidationError([{ path: ['ids'], message: `must hold 1 to ${MAX_IDS} ids` }]);
  }
  const wanted = [...new Set(ids.map((id) => id.toLowerCase()))];
  await db.transaction(async ({ sql }) => {
    const rows = await sql.query<{ id: string }>(
      `update runcast.notifications set read_at = coalesce(read_at, clock_timestamp())
       where user_id = $1 and id = any($2::uuid[]) returning id`,
      [userId, wanted.filter(isUuid)],
    );
    const marked = new Set(rows.map(({ id }) => id));
    const missing = ids.find((id) => !marked.has(id.toLowerCase()));
    if (missing !== undefined) throw new NotFoundError('notification of yours', missing, { path: ['ids'] });
  });
  return wanted;
}

/** @returns how many were unread */
export async function markAllRead(db: Lease, userId: string): Promise<number> {
  const rows = await db.sql.query(
    `update runcast.notifications set read_at = clock_timestamp()
     where user_id = $1 and read_at is null returning 1`,
    [userId],
  );
  return rows.length;
}
