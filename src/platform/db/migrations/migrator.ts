import type { Client } from 'pg';
import { codeOf, messageOf, StartupError } from '../../errors.ts';
import { placeOf, withConnection } from '../connect.ts';
import { type Assessment, assess, refuseUnfit } from './assess.ts';
import { type MigrationFiles, type RepeatableFile, readMigrationFiles } from './files.ts';
import { makeLedger, readLedger, record } from './ledger.ts';
import { withMigrationLock } from './lock.ts';
import { ensureLogins, type Logins } from './logins.ts';
import { readObjects } from './objects.ts';
import { createUmzug, runSql, withoutWrapping } from './runner.ts';
import { inTransaction } from './transaction.ts';

const INSUFFICIENT_PRIVILEGE = '42501';

export type ApplyOptions = Logins & {
  /** Progress, a line a file. */
  log: (line: string) => void;
  /** Installs what is not in SQL files (pg-boss and our queues), after the files and under the same lock. */
  afterFiles?: (adminUrl: string) => Promise<void>;
  /** Default: migrations-sql/. */
  folder?: URL;
};

export type Applied = {
  /** Files that were run now. */
  applied: string[];
  /** Files that were found applied by psql or the Supabase CLI. */
  adopted: string[];
};

/**
 * Brings the database to the newest schema: files, login roles, jobs, repeatable files. Any number of processes may
 * call it at once; one works, the others wait and find it done.
 *
 * @throws {StartupError} where the database cannot or must not be migrated; files before the one that failed stay
 * applied, nothing of the failed one does
 */
export async function applyMigrations(options: ApplyOptions): Promise<Applied> {
  try {
    return await applyFiles(options, await readMigrationFiles(options.folder));
  } catch (cause) {
    // Outside of the files rights are needed as well: for the ledger, the queue's schema and the login roles.
    throw codeOf(cause) === INSUFFICIENT_PRIVILEGE ? mayNotMigrate(options.adminUrl, cause) : cause;
  }
}

function mayNotMigrate(url: string, cause: unknown): StartupError {
  const user = decodeURIComponent(new URL(url).username);
  return new StartupError(
    `${user} may not migrate the database at ${placeOf(url)} (${messageOf(cause)}): let DATABASE_URL name a role that may create schemas and roles there.`,
    { cause },
  );
}

function applyFiles(options: ApplyOptions, files: MigrationFiles): Promise<Applied> {
  return withConnection(options.adminUrl, 'runcast migrate', async (client) => {
    // Supabase gives its roles a statement timeout of two minutes; waiting for another migrator may take longer.
    await client.query('set statement_timeout = 0');
    return withMigrationLock(client, options.log, async () => {
      const assessment = await assessDatabase(client, files);
      refuseUnfit(assessment);
      const adopted = await adopt(client, assessment, options.log);
      const applied = await applyPending(client, files, assessment, options.log);
      await ensureLogins(client, options);
      await options.afterFiles?.(options.adminUrl);
      for (const file of files.repeatables) await runRepeatable(client, file);
      return { applied, adopted };
    });
  });
}

/** What each file is to this database. Reads only. */
export async function assessDatabase(client: Client, files: MigrationFiles): Promise<Assessment> {
  return assess(files.migrations, await readLedger(client), await readObjects(client));
}

async function adopt(client: Client, { files }: Assessment, log: (line: string) => void): Promise<string[]> {
  const adoptable = files.filter(({ state }) => state === 'adoptable').map(({ file }) => file);
  await inTransaction(client, async () => {
    await makeLedger(client);
    for (const file of adoptable) await record(client, file, 'adopted');
  });
  for (const file of adoptable) log(`${file.file}: found applied, adopted`);
  return adoptable.map((file) => file.file);
}

async function applyPending(
  client: Client,
  files: MigrationFiles,
  assessment: Assessment,
  log: (line: string) => void,
): Promise<string[]> {
  for (const { file, state } of assessment.files) {
    if (state === 'gone') log(`${file.file}: was applied, and its tables are gone; it is applied again`);
  }
  const umzug = createUmzug(client, files, assessment);
  umzug.on('migrated', ({ name }) => log(`${name}: applied`));
  return withoutWrapping(async () => (await umzug.up()).map(({ name }) => name));
}

function runRepeatable(client: Client, file: RepeatableFile): Promise<void> {
  return inTransaction(client, () => runSql(client, file));
}
