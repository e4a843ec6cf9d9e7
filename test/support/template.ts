import { queues } from '../../src/app/jobs.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { installJobs } from '../../src/platform/jobs/install.ts';

export const TEMPLATE = 'runcast_template';

/** Brings an empty database to the newest schema. */
export async function migrateTemplate(adminUrl: string): Promise<void> {
  await applyMigrations({
    adminUrl,
    log: () => {},
    afterFiles: (url) => installJobs({ adminUrl: url, queues }),
  });
}
