import type { Client } from 'pg';
import { escapeIdentifier } from 'pg';
import { StartupError } from '../../errors.ts';
import { withConnection } from '../connect.ts';
import { type MigrationFile, type MigrationFiles, readMigrationFiles } from './files.ts';
import { withMigrationLock } from './lock.ts';
import { assessDatabase } from './migrator.ts';
import { createUmzug, withoutWrapping } from './runner.ts';
import { inTransaction } from './transaction.ts';

export type RevertOptions = {
  adminUrl: string;
  /** A version, e.g. `20251024000008`, or the file's name. */
  migration: string;
  /** Whether tables that hold rows may be dropped. */
  dropsRows: boolean;
  log: (line: string) => void;
  /** Default: migrations-sql/. */
  folder?: URL;
};

/**
 * Takes one migration down: its rollback file and its rows in the ledger, in one transaction.
 *
 * @throws {StartupError} where it is not applied, where later ones build on it, or where it would drop a table with
 * rows and `dropsRows` is false; nothing is changed then
 */
export async function revertMigration(options: RevertOptions): Promise<void> {
  const files = await readMigrationFiles(options.folder);
  const file = find(files, options.migration);
  await withConnection(options.adminUrl, 'runcast migrate', (client) =>
    withMigrationLock(client, options.log, async () => {
      const assessment = await assessDatabase(client, files);
      const umzug = createUmzug(client, files, assessment);
      const isApplied = (await umzug.executed()).some(({ name }) => name === file.file);
      if (!isApplied) throw new StartupError(`${file.file} is not applied, so it cannot be taken down.`);
      const dropped = await inTransaction(client, async () => {
        const before = await tablesWithRows(client);
        await withoutWrapping(() => umzug.down({ migrations: [file.file] }));
        const after = await tablesWithRows(client);
        const gone = [...before.keys()].filter((table) => !after.has(table));
        const full = gone.filter((table) => before.get(table));
        if (full.length > 0 && !options.dropsRows) throw refusal(file, full);
        return gone;
      });
      for (const table of dropped) options.log(`${table}: dropped`);
      options.log(`${file.file}: taken down; the next migrate apply, or start, applies it again`);
    }),
  );
}

function refusal(file: MigrationFile, tables: string[]): StartupError {
  return new StartupError(
    `Taking down ${file.file} would drop ${tables.join(', ')} with all rows: back them up, then say so with --yes.`,
  );
}

function find(files: MigrationFiles, wanted: string): MigrationFile {
  const file = files.migrations.find(
    ({ version, file: name }) => version === wanted || name === wanted || name === `${wanted}.sql`,
  );
  if (file) return file;
  const names = files.migrations.map(({ version, name }) => `${version} (${name})`).join(', ');
  throw new StartupError(`There is no migration ${wanted}: choose one of ${names}.`);
}

/** Every table that a rollback may drop, and whether it holds a row. */
async function tablesWithRows(client: Client): Promise<Map<string, boolean>> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select schemaname as schema, tablename as name from pg_tables
     where schemaname in ('public', 'auth', 'runcast') and has_table_privilege(
       format('%I.%I', schemaname, tablename), 'select')
     order by 1, 2`,
  );
  const tables = new Map<string, boolean>();
  for (const { schema, name } of rows) {
    const found = await client.query(
      `select from ${escapeIdentifier(schema)}.${escapeIdentifier(name)} limit 1`,
    );
    tables.set(`${schema}.${name}`, (found.rowCount ?? 0) > 0);
  }
  return tables;
}
