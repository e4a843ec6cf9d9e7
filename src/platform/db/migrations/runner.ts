import type { Client } from 'pg';
import { MigrationError, type RunnableMigration, Umzug } from 'umzug';
import { codeOf, messageOf, StartupError } from '../../errors.ts';
import type { Assessment } from './assess.ts';
import { type MigrationFile, type MigrationFiles, readRollback } from './files.ts';
import { forget, record } from './ledger.ts';
import { inTransaction } from './transaction.ts';

/**
 * Umzug over our files: it decides what is pending and in which order. A migration and its rows in the ledger commit
 * together, so `up` and `down` write those themselves and Umzug's storage only reads.
 */
export function createUmzug(client: Client, files: MigrationFiles, assessment: Assessment): Umzug<Client> {
  const done = assessment.files.filter(({ state }) => !['pending', 'gone', 'partial'].includes(state));
  return new Umzug<Client>({
    context: client,
    logger: undefined,
    migrations: files.migrations.map((file) => runnable(files, file)),
    storage: {
      executed: async () => done.map(({ file }) => file.file),
      logMigration: async () => {},
      unlogMigration: async () => {},
    },
  });
}

function runnable(files: MigrationFiles, file: MigrationFile): RunnableMigration<Client> {
  return {
    name: file.file,
    up: ({ context: client }) =>
      inTransaction(client, async () => {
        await runSql(client, file);
        await record(client, file, 'applied');
      }),
    // In the transaction of whoever reverts: it looks at what was dropped before it commits.
    down: async ({ context: client }) => {
      await runSql(client, { file: `rollback/${file.file}`, sql: await readRollback(files.folder, file) });
      await forget(client, file.version);
    },
  };
}

/** What a migration threw, rather than Umzug's error around it. */
export async function withoutWrapping<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw thrown instanceof MigrationError && thrown.cause instanceof Error ? thrown.cause : thrown;
  }
}

/** Runs a file's text in the transaction at hand. */
export async function runSql(client: Client, file: { file: string; sql: string }): Promise<void> {
  // A table under a long transaction is waited for, and whoever comes after us waits behind us.
  await client.query(`set local lock_timeout = '30s'`);
  try {
    await client.query(file.sql);
  } catch (cause) {
    throw new StartupError(
      `${file.file} failed and nothing of it was kept (${messageOf(cause)}): ${remedyFor(cause)}.`,
      { cause },
    );
  }
}

function remedyFor(cause: unknown): string {
  switch (codeOf(cause)) {
    case '42501':
      return 'let a role migrate that may create, alter and grant here (on Supabase: postgres)';
    case '42P07':
      return 'look at what is there already, drop it or complete it by hand, and run this again';
    case '2BP01':
      return 'later migrations build on it, so take those down first';
    case '55P03':
      return 'end the transaction that holds the lock, or try again when the database is less busy';
    default:
      return 'the file and the message say why; then run this again';
  }
}
