import { Client, escapeIdentifier } from 'pg';
import { PgBoss } from 'pg-boss';
import type { JobQueue } from './define.ts';

export const SCHEMA = 'pgboss';

const WORKER = 'runcast_worker';
/** Whom a REST layer, or Supabase's default privileges, may have given something. */
const OTHERS = ['anon', 'authenticated', 'service_role'];
/** How often to look whether pg-boss has built the indexes that an upgrade adds in the background. */
const UPGRADE_POLL_MS = 100;

/**
 * Installs or upgrades pg-boss's schema and makes or updates the queues, as the owner of the database: the running
 * program has no right to. Safe to call again, and by several processes at once (pg-boss locks).
 *
 * @throws whatever pg-boss or Postgres fails with; what was done so far stays, and the next call goes on
 */
export async function installJobs(options: { adminUrl: string; queues: readonly JobQueue[] }): Promise<void> {
  const boss = new PgBoss({
    connectionString: options.adminUrl,
    schema: SCHEMA,
    supervise: false,
    schedule: false,
    registerInstance: false,
    // Its least; a command of an upgrade is taken at the start and then once in that time.
    bamIntervalSeconds: 10,
    max: 2,
  });
  let failure: unknown;
  boss.on('error', (error) => {
    failure ??= error;
  });
  await boss.start();
  try {
    await upgraded(boss, () => failure);
    for (const { name, options: settings } of options.queues) {
      await boss.createQueue(name, settings);
      await boss.updateQueue(name, settings);
    }
  } finally {
    await boss.stop({ graceful: false });
  }
  await grant(options.adminUrl);
}

async function upgraded(boss: PgBoss, failure: () => unknown): Promise<void> {
  for (;;) {
    const waiting = await boss.getBamStatus();
    if (!waiting.some(({ status, count }) => (status === 'pending' || status === 'in_progress') && count > 0))
      return;
    const error = failure();
    if (error !== undefined) throw error;
    await new Promise((resolve) => setTimeout(resolve, UPGRADE_POLL_MS));
  }
}

async function grant(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      'select rolname as name from pg_roles where rolname = any($1)',
      [OTHERS],
    );
    const others = ['public', ...rows.map(({ name }) => escapeIdentifier(name))].join(', ');
    await client.query(`
      revoke all on schema ${SCHEMA} from ${others};
      revoke all on all tables in schema ${SCHEMA} from ${others};
      revoke all on all sequences in schema ${SCHEMA} from ${others};
      revoke all on all functions in schema ${SCHEMA} from ${others};
      grant usage on schema ${SCHEMA} to ${WORKER};
      grant select, insert, update, delete on all tables in schema ${SCHEMA} to ${WORKER};
      grant usage on all sequences in schema ${SCHEMA} to ${WORKER};
      grant execute on all functions in schema ${SCHEMA} to ${WORKER};`);
  } finally {
    await client.end();
  }
}
