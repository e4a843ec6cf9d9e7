import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from '../../src/platform/db/embedded/binaries.ts';
import { startEmbeddedPostgres } from '../../src/platform/db/embedded/server.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type OwnServer = {
  /** Superuser's connection string. */
  url: string;
  stop(): Promise<void>;
};

/**
 * A Postgres of its own in a temporary folder, for what belongs to a whole server: roles, settings, versions.
 *
 * @param binaries which Postgres; default: the one that is installed with the project
 */
export async function startOwnServer(binaries?: Binaries): Promise<OwnServer> {
  const folder = await temporaryFolder('test');
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '400',
    // Counts statements: test/support/statements.ts.
    shared_preload_libraries: 'pg_stat_statements',
  };
  const server = await startEmbeddedPostgres({
    folder: join(folder, 'postgres'),
    settings,
    ...(binaries && { binaries }),
  });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
