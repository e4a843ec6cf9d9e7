import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatabaseUrls, databaseUrls } from '../src/platform/db/connections.ts';
import { startEmbeddedPostgres } from '../src/platform/db/embedded/server.ts';
import { applyMigrations } from '../src/platform/db/migrations/migrator.ts';

/** A migrated Postgres of the bench's own, with the server's default settings, gone afterwards. */
export async function withDatabase<T>(work: (urls: DatabaseUrls) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'runcast-bench-'));
  // Run by root, Postgres is another account's and has to pass through here.
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
  try {
    await applyMigrations({ adminUrl: server.url, log: () => {} });
    return await work(databaseUrls(server.url));
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
