import { join } from 'node:path';
import type { Config } from '../platform/config.ts';
import { claimDataFolder } from '../platform/data-folder.ts';
import { startEmbeddedPostgres } from '../platform/db/embedded/server.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';

/**
 * The administrator's connection string: the configured database, or the embedded one, started for as long as this
 * process lives.
 *
 * @throws {StartupError} where the data folder is taken or not ours
 */
export async function openDatabase(config: Config, lifecycle: Lifecycle): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl;
  lifecycle.onStop('data folder', await claimDataFolder(config.dataDir));
  const postgres = await startEmbeddedPostgres({ folder: join(config.dataDir, 'postgres') });
  lifecycle.onStop('embedded Postgres', () => postgres.stop());
  return postgres.url;
}

/**
 * Runs `work` with the administrator's connection string, for commands that come and go: an embedded Postgres that
 * another process runs is used and left running, else it is started and stopped again.
 */
export async function withDatabase<T>(config: Config, work: (adminUrl: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl) return work(config.databaseUrl);
  const postgres = await startEmbeddedPostgres({ folder: join(config.dataDir, 'postgres') });
  try {
    return await work(postgres.url);
  } finally {
    if (!postgres.wasRunning) await postgres.stop();
  }
}
