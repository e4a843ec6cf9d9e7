import type { Client } from 'pg';
import type { WrittenRun } from './writer.ts';

export type OwnedRun = WrittenRun & { userId: string };

/** As many runs of each of these users, open, with nothing in their feeds but how they began. */
export async function addOpenRuns(
  client: Client,
  userIds: readonly string[],
  perUser: number,
): Promise<OwnedRun[]> {
  const added = await client.query<{ id: string }>(
    `insert into public.training_executions (user_id, public_id, method, provider)
     select user_id, 'config', 'sft', 'local' from unnest($1::uuid[]) user_id, generate_series(1, $2::int)
     returning id`,
    [userIds, perUser],
  );
  // Their streams are made by triggers after the insert, so a statement of its own sees them.
  const { rows } = await client.query<OwnedRun>(
    `select execution_id as id, user_id as "userId", last_seq::float8 as "lastSeq"
     from runcast.execution_streams where kind = 'training' and execution_id = any($1)`,
    [added.rows.map(({ id }) => id)],
  );
  return rows;
}
