import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { StartupError } from '../../errors.ts';
import { splitStatements } from './statements.ts';

export type MigrationFile = {
  /** The timestamp in front of the name: what the ledger calls it. */
  version: string;
  /** What follows the timestamp, without `.sql`. */
  name: string;
  /** The file's name. */
  file: string;
  sql: string;
  statements: string[];
  /** SHA-256 of the text, line ends as LF: git may check files out with others. */
  checksum: string;
};

export type RepeatableFile = { file: string; sql: string; statements: string[] };

export type MigrationFiles = {
  /** In the order of their versions. */
  migrations: MigrationFile[];
  /** In the order of their names. */
  repeatables: RepeatableFile[];
  folder: URL;
};

const FOLDER = new URL('../../../../migrations-sql/', import.meta.url);

/** Reads migrations-sql/, or another folder that is laid out alike. */
export async function readMigrationFiles(folder: URL = FOLDER): Promise<MigrationFiles> {
  const [names, repeatableNames] = await Promise.all([
    sqlFiles(folder),
    sqlFiles(new URL('repeatable/', folder)),
  ]);
  const migrations = await Promise.all(names.map((file) => readMigration(folder, file)));
  const repeatables = await Promise.all(
    repeatableNames.map(async (file) => {
      const sql = await readSql(new URL(`repeatable/${file}`, folder));
      return { file: `repeatable/${file}`, sql, statements: splitStatements(sql) };
    }),
  );
  return { migrations, repeatables, folder };
}

/** The text of a migration's rollback. */
export async function readRollback(folder: URL, migration: MigrationFile): Promise<string> {
  return readSql(new URL(`rollback/${migration.file}`, folder)).catch((cause) => {
    throw new StartupError(`${migration.file} has no file in rollback/: it cannot be taken down.`, { cause });
  });
}

async function readMigration(folder: URL, file: string): Promise<MigrationFile> {
  const [, version, name] = /^(\d{14})_(\w+)\.sql$/.exec(file) ?? [];
  if (!version || !name) {
    throw new StartupError(
      `${file} is no migration: its name must look like 20261122000000_what_it_does.sql.`,
    );
  }
  const sql = await readSql(new URL(file, folder));
  const checksum = createHash('sha256').update(sql).digest('hex');
  return { version, name, file, sql, statements: splitStatements(sql), checksum };
}

async function readSql(url: URL): Promise<string> {
  return (await readFile(url, 'utf8')).replaceAll('\r\n', '\n');
}

async function sqlFiles(folder: URL): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.sql')).sort();
}
