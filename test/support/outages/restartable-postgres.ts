import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../../src/platform/db/embedded/server.ts';
import { freePort } from '../free-port.ts';
import { temporaryFolder } from '../temporary-folder.ts';

export type RestartablePostgres = {
  /** Superuser's connection string, which stays the same. */
  url: string;
  /** Stops it, and starts it again on the same port. Resolves when it takes connections. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  stop(): Promise<void>;
};

/** A Postgres that keeps what it acknowledged through its own end; not through the machine's, so that it is quick. */
export async function startRestartablePostgres(): Promise<RestartablePostgres> {
  const folder = await temporaryFolder('restart');
  const port = await freePort();
  const start = () =>
    startEmbeddedPostgres({ folder: join(folder, 'postgres'), settings: { port: `${port}`, fsync: 'off' } });
  let server = await start();
  const url = new URL(server.url);
  url.port = `${port}`;
  return {
    url: url.href,
    async restart(mode) {
      await server.stop(mode);
      server = await start();
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
