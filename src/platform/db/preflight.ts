import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { StartupError } from '../errors.ts';
import { behindPooler, connect, placeOf, withConnection } from './connect.ts';
import { refuseUnfit } from './migrations/assess.ts';
import { readMigrationFiles } from './migrations/files.ts';
import { assessDatabase } from './migrations/migrator.ts';

const OLDEST_SERVER = 15;

export type PreflightOptions = {
  /**
   * Whether the schema must be there already: true for a process that does not migrate itself. A schema that the
   * program must not touch, e.g. a newer one, is refused either way.
   */
  expectsSchema?: boolean;
  /** Default: migrations-sql/. */
  folder?: URL;
};

/**
 * Finds out, before anything is written, whether the program can work with this database.
 *
 * @throws {StartupError} one sentence with the remedy: unreachable, password, database missing, Postgres too old,
 * transaction pooler, read-only, schema missing, changed, or newer than the program. Never holds the password.
 */
export async function checkDatabase(url: string, options: PreflightOptions = {}): Promise<void> {
  await checkServer(url);
  await withConnection(url, 'runcast preflight', async (client) => {
    const files = await readMigrationFiles(options.folder);
    const assessment = await assessDatabase(client, files);
    refuseUnfit(assessment);
    const pending = assessment.files.filter(({ state }) => state !== 'applied');
    if (options.expectsSchema && pending.length > 0) {
      throw new StartupError(
        `The database at ${placeOf(url)} is not migrated (${pending.length} of ${assessment.files.length} migrations are missing): run npm run migrate:apply first.`,
      );
    }
  });
}

/**
 * Finds out whether this server can be worked with, whatever the database holds: all that a migration needs to know.
 *
 * @throws {StartupError} as `checkDatabase`, apart from what concerns the schema
 */
export async function checkServer(url: string): Promise<void> {
  await refusePooler(url);
  await withConnection(url, 'runcast preflight', (client) => refuseServer(client, url));
}

async function refuseServer(client: Client, url: string): Promise<void> {
  const { rows } = await client.query<{ version: number; replica: boolean; readonly: boolean }>(
    `select current_setting('server_version_num')::int / 10000 as version, pg_is_in_recovery() as replica,
       current_setting('transaction_read_only')::boolean as readonly`,
  );
  const [server] = rows;
  if (!server) return;
  if (server.version < OLDEST_SERVER) {
    throw new StartupError(
      `Postgres at ${placeOf(url)} is version ${server.version}, and Runcast needs ${OLDEST_SERVER} to 18: upgrade it, or take another server.`,
    );
  }
  if (server.replica) {
    throw new StartupError(
      `Postgres at ${placeOf(url)} is a read-only replica: set DATABASE_URL to the primary.`,
    );
  }
  if (server.readonly) {
    throw new StartupError(
      `The database at ${placeOf(url)} is read-only (default_transaction_read_only): turn that off for this role and database.`,
    );
  }
}

/** The pid of a session's server process, and the mark that the session was given. */
type Sight = { pid: number; mark: string | null };

const SEE = `select pg_backend_pid() as pid, current_setting('runcast.preflight', true) as mark`;

/**
 * Two sessions that are open at the same time have a server process each, keep it, and keep their settings. Behind a
 * transaction pooler the second is given the process that the first has just left, or the first is given another one
 * while the second holds its own in a transaction. Looked at after every statement: a pooler with a single server
 * connection would otherwise let the first wait for the second for ever.
 */
async function refusePooler(url: string): Promise<void> {
  const first = await connect(url, 'runcast preflight');
  try {
    await withConnection(url, 'runcast preflight', async (second) => {
      const mark = randomUUID();
      const own = await see(first, `select set_config('runcast.preflight', '${mark}', false)`);
      const firstKeeps = async () => {
        const sight = await see(first);
        if (sight.pid !== own.pid || sight.mark !== mark) throw behindPooler(url);
      };
      await firstKeeps();
      const other = await see(second, 'begin');
      const secondKeeps = (sight: Sight) => {
        if (sight.pid === own.pid || sight.pid !== other.pid || sight.mark === mark) throw behindPooler(url);
      };
      secondKeeps(other);
      await firstKeeps();
      await firstKeeps();
      secondKeeps(await see(second, 'commit'));
      await firstKeeps();
      secondKeeps(await see(second));
    });
  } finally {
    await first.end();
  }
}

async function see(client: Client, before?: string): Promise<Sight> {
  if (before) await client.query(before);
  const { rows } = await client.query<Sight>(SEE);
  return rows[0] ?? { pid: 0, mark: null };
}
