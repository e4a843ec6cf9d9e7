import type { Client } from 'pg';

/** "runc" as a number, and 1 for migrations: nobody else's advisory locks should look like that. */
const LOCK = [0x72_75_6e_63, 1] as const;

/**
 * Holds the migrators' lock of this database while `work` runs. A session lock, so a migrator that dies lets go of
 * it with its connection.
 *
 * @param log told once when somebody else holds the lock
 */
export async function withMigrationLock<T>(
  client: Client,
  log: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [
    ...LOCK,
  ]);
  if (!rows[0]?.taken) {
    log(`Another migrator is at work on this database${await holder(client)}: waiting until it is done.`);
    await client.query('select pg_advisory_lock($1, $2)', [...LOCK]);
  }
  try {
    return await work();
  } finally {
    // A connection that broke in the middle has lost its lock already.
    await client.query('select pg_advisory_unlock($1, $2)', [...LOCK]).catch(() => {});
  }
}

async function holder(client: Client): Promise<string> {
  const { rows } = await client.query<{ pid: number; since: string | null }>(
    `select l.pid, to_char(a.backend_start at time zone 'utc', 'HH24:MI:SS "UTC"') as since
     from pg_locks l left join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.granted and l.classid = $1 and l.objid = $2
       and l.database = (select oid from pg_database where datname = current_database())`,
    [...LOCK],
  );
  const [found] = rows;
  if (!found) return '';
  return ` (its server process is ${found.pid}${found.since ? `, connected since ${found.since}` : ''})`;
}
