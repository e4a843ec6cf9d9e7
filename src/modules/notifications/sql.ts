import type { Sql } from '../../platform/db/sql.ts';

/** A notification as whoever follows them knows it. */
export type Numbered = { seq: number; id: string; at: Date };

/** The caller's after a number, in order. */
export function notificationsAfter(
  sql: Sql,
  userId: string,
  after: number,
  limit: number,
): Promise<Numbered[]> {
  return sql.query<Numbered>(
    `select seq::float8 as seq, id, created_at as at from runcast.notifications
     where user_id = $1 and seq > $2::float8::bigint order by seq limit $3`,
    [userId, after, limit],
  );
}

/** The number of the newest that the caller sees; 0 where there is none. */
export async function newestNotification(sql: Sql, userId: string): Promise<number> {
  const [row] = await sql.query<{ seq: number }>(
    'select coalesce(max(seq), 0)::float8 as seq from runcast.notifications where user_id = $1',
    [userId],
  );
  return row?.seq ?? 0;
}

export async function countUnread(sql: Sql, userId: string): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    'select count(*)::int as count from runcast.notifications where user_id = $1 and read_at is null',
    [userId],
  );
  return row?.count ?? 0;
}

export type Notice = {
  userId: string;
  tenantId: string | null;
  title: string;
  body: string;
  /** What sent it; null for nothing in particular. */
  source: { kind: string; executionId: string; stepId?: string } | null;
  /** With the same key the same user is told once. */
  dedupeKey: string;
};

/**
 * Tells a user something. To be called as the service role, and after every other lock of the transaction.
 *
 * @returns the row's id, also where it was there already
 */
export async function notifyUser(sql: Sql, notice: Notice): Promise<string> {
  const { userId, tenantId, title, body, source, dedupeKey } = notice;
  const [row] = await sql.query<{ id: string }>(
    'select runcast.notify_user($1, $2, $3, $4, $5::jsonb, $6) as id',
    [userId, tenantId, title, body, source, dedupeKey],
  );
  if (!row) throw new Error('A function without a set always has a row.');
  return row.id;
}

/** Accounts by what they were called; whom the run may not notify is left out. As the service role. */
export async function findRecipients(
  sql: Sql,
  owner: { userId: string; tenantId: string | null },
  names: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql.query<{ name: string; userId: string }>(
    'select name, user_id as "userId" from runcast.find_recipients($1, $2, $3::text[])',
    [owner.userId, owner.tenantId, names],
  );
  return new Map(rows.map(({ name, userId }) => [name, userId]));
}
