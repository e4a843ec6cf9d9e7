import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, withConnection } from '../../src/platform/db/connect.ts';
import { readMigrationFiles } from '../../src/platform/db/migrations/files.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { verifyMigrations } from '../../src/platform/db/migrations/verify/verify.ts';
import { type BareDatabase, type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';

const quiet = () => {};
const names = async () => (await readMigrationFiles()).migrations.map(({ file }) => file);

/** A copy of migrations-sql/ that a test may change. */
async function copyOfFiles() {
  const folder = await mkdtemp(join(tmpdir(), 'runcast-migrations-'));
  await cp(new URL('../../migrations-sql/', import.meta.url), folder, { recursive: true });
  return {
    url: pathToFileURL(`${folder}/`),
    write: (file: string, sql: string) => writeFile(join(folder, file), sql),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Runs the files as psql without options does: every statement by itself, whatever became of the one before. */
async function applyByHand(database: BareDatabase, until = Number.POSITIVE_INFINITY): Promise<void> {
  const { migrations } = await readMigrationFiles();
  await withConnection(database.adminUrl, 'test', async (client) => {
    for (const file of migrations.slice(0, until)) for (const sql of file.statements) await client.query(sql);
  });
}

function query<Row extends object>(database: BareDatabase, sql: string): Promise<Row[]> {
  return withConnection(database.adminUrl, 'test', async (client) => (await client.query<Row>(sql)).rows);
}

const faults = async (database: BareDatabase) =>
  (await verifyMigrations(database)).filter(({ ok }) => !ok).map(({ what, detail }) => `${what}: ${detail}`);

describe.each([
  ['a plain Postgres', async () => plainPlatform()],
  ['Supabase', () => supabasePlatform()],
] as const)('migrate apply on %s', (_name, start) => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await start();
  });
  afterAll(() => platform.stop());

  it('applies every file once, in order, and passes every check of migrate verify', async () => {
    await using database = await platform.bareDatabase();
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const first = await applyMigrations({ ...database, log });
    expect(first).toEqual({ applied: await names(), adopted: [] });
    expect(lines).toEqual((await names()).map((name) => `${name}: applied`));
    expect(await applyMigrations({ ...database, log })).toEqual({ applied: [], adopted: [] });
    expect(await faults(database)).toEqual([]);
  });

  it("keeps the Supabase CLI's ledger: version, name and the statements, and a checksum of its own", async () => {
    await using database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: quiet });
    const { migrations } = await readMigrationFiles();
    const rows = await query(
      database,
      'select version, name, statements from supabase_migrations.schema_migrations order by version',
    );
    expect(rows).toEqual(migrations.map(({ version, name, statements }) => ({ version, name, statements })));
    const checksums = await query(
      database,
      'select version, checksum, how from runcast_migrations.checksums order by version',
    );
    expect(checksums).toEqual(
      migrations.map(({ version, checksum }) => ({ version, checksum, how: 'applied' })),
    );
  });

  it('ends well when 20 migrators start at once: one works, the others wait and find it done', async () => {
    await using database = await platform.bareDatabase();
    const lines: string[] = [];
    const results = await Promise.all(
      Array.from({ length: 20 }, () => applyMigrations({ ...database, log: (line) => lines.push(line) })),
    );
    const applied = results.map((result) => result.applied).filter((files) => files.length > 0);
    expect(applied).toEqual([await names()]);
    expect(lines.filter((line) => line.startsWith('Another migrator is at work')).length).toBeGreaterThan(0);
    expect(await faults(database)).toEqual([]);
  });

  it('says who it waits for, and goes on when that migrator dies', async () => {
    await using database = await platform.bareDatabase();
    const other = await connect(database.adminUrl, 'test');
    await other.query('select pg_advisory_lock(1920298595, 1)');
    const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid');
    const said: string[] = [];
    const waits = Promise.withResolvers<void>();
    const result = applyMigrations({
      ...database,
      log: (line) => {
        said.push(line);
        waits.resolve();
      },
    });
    await waits.promise;
    expect(said).toEqual([expect.stringContaining(`server process is ${rows[0]?.pid}`)]);
    await withConnection(database.superUrl, 'test', (client) =>
      client.query('select pg_terminate_backend($1)', [rows[0]?.pid]),
    );
    expect((await result).applied).toEqual(await names());
  });

  it('adopts what was applied statement by statement, without running it again', async () => {
    await using database = await platform.bareDatabase();
    await applyByHand(database);
    const all = await names();
    const { applied, adopted } = await applyMigrations({ ...database, log: quiet });
    // The base makes only what is missing, so running it again is how it is recognised.
    expect(applied).toEqual([all[0]]);
    expect(adopted).toEqual(all.slice(1));
    expect(await faults(database)).toEqual([]);
  });

  it('goes on where somebody stopped after three files', async () => {
    await using database = await platform.bareDatabase();
    await applyByHand(database, 3);
    const all = await names();
    const { applied, adopted } = await applyMigrations({ ...database, log: quiet });
    expect(adopted).toEqual(all.slice(1, 3));
    expect(applied).toEqual([all[0], ...all.slice(3)]);
    expect(await faults(database)).toEqual([]);
  });

  it('uses the ledger of an old CLI that has no name and no statements, and leaves its foreign rows alone', async () => {
    await using database = await platform.bareDatabase();
    await applyByHand(database, 5);
    const { migrations } = await readMigrationFiles();
    await query(
      database,
      `create schema supabase_migrations;
       create table supabase_migrations.schema_migrations (version text not null primary key);
       insert into supabase_migrations.schema_migrations
       select '2024010100' || lpad(n::text, 4, '0') from generate_series(1, 37) n;
       insert into supabase_migrations.schema_migrations
       values ${migrations
         .slice(0, 5)
         .map(({ version }) => `('${version}')`)
         .join(', ')};`,
    );
    const { applied, adopted } = await applyMigrations({ ...database, log: quiet });
    expect(adopted).toEqual((await names()).slice(0, 5));
    expect(applied).toEqual((await names()).slice(5));
    const rows = await query(
      database,
      'select count(*)::int as count from supabase_migrations.schema_migrations',
    );
    expect(rows).toEqual([{ count: 37 + migrations.length }]);
    expect(await faults(database)).toEqual([]);
  });

  it('names what is there and what is missing where a file was applied in part, and changes nothing', async () => {
    await using database = await platform.bareDatabase();
    await applyByHand(database, 2);
    await query(database, 'drop index idx_agents_category; alter table workflows drop column audit_log');
    const failure = applyMigrations({ ...database, log: quiet });
    await expect(failure).rejects.toThrow(
      /20250130000000_agents_and_workflows.sql is applied in part: there is table public.agents,.* but not index public.idx_agents_category, column public.workflows.audit_log;/,
    );
    expect(await query(database, `select from pg_namespace where nspname ~ '_migrations$'`)).toEqual([]);
  });

  it('refuses a file that was changed after it was applied', async () => {
    await using database = await platform.bareDatabase();
    await using files = await copyOfFiles();
    await applyMigrations({ ...database, log: quiet, folder: files.url });
    await files.write('20250130000001_billing_and_usage.sql', 'select 1;');
    await expect(applyMigrations({ ...database, log: quiet, folder: files.url })).rejects.toThrow(
      '20250130000001_billing_and_usage.sql was changed after it was applied',
    );
  });

  it('does not take another line ending for a change', async () => {
    await using database = await platform.bareDatabase();
    await using files = await copyOfFiles();
    await applyMigrations({ ...database, log: quiet, folder: files.url });
    const { migrations } = await readMigrationFiles();
    for (const { file, sql } of migrations) await files.write(file, sql.replaceAll('\n', '\r\n'));
    const result = await applyMigrations({ ...database, log: quiet, folder: files.url });
    expect(result).toEqual({ applied: [], adopted: [] });
  });

  it('refuses a database that a newer program has migrated, and no other foreign version', async () => {
    await using database = await platform.bareDatabase();
    await using files = await copyOfFiles();
    await files.write('20990101000000_of_the_future.sql', 'create table public.later (id int);');
    await applyMigrations({ ...database, log: quiet, folder: files.url });
    await expect(applyMigrations({ ...database, log: quiet })).rejects.toThrow(
      'The database is newer than the program: it has the migration 20990101000000',
    );
  });

  it('keeps nothing of a file that fails, and everything before it', async () => {
    await using database = await platform.bareDatabase();
    await using files = await copyOfFiles();
    const file = '20990101000000_breaks_off.sql';
    await files.write(file, 'create table public.half (id int); select 1 / 0;');
    await expect(applyMigrations({ ...database, log: quiet, folder: files.url })).rejects.toThrow(
      `${file} failed and nothing of it was kept (division by zero)`,
    );
    expect(await query(database, `select from pg_tables where tablename = 'half'`)).toEqual([]);
    await files.write(file, 'create table public.half (id int);');
    const { applied } = await applyMigrations({ ...database, log: quiet, folder: files.url });
    expect(applied).toEqual([file]);
  });

  it("applies guide 1's file again after its rollback by hand, grants and triggers included", async () => {
    await using database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: quiet });
    await query(
      database,
      `DROP TABLE IF EXISTS training_executions CASCADE;
       DROP FUNCTION IF EXISTS update_training_executions_updated_at CASCADE;`,
    );
    expect(await faults(database)).not.toEqual([]);
    const { applied } = await applyMigrations({ ...database, log: quiet });
    expect(applied).toEqual(['20251024000008_create_training_executions.sql']);
    expect(await faults(database)).toEqual([]);
  });

  it('calls what installs the jobs after the files and before the repeatable ones', async () => {
    await using database = await platform.bareDatabase();
    const seen: unknown[] = [];
    await applyMigrations({
      ...database,
      log: quiet,
      afterFiles: async (adminUrl) => {
        expect(adminUrl).toBe(database.adminUrl);
        seen.push(
          ...(await query(
            database,
            `select to_regclass('public.training_executions') is not null as files,
               has_table_privilege('service_role', 'public.tenants', 'select') as granted`,
          )),
        );
      },
    });
    expect(seen).toEqual([expect.objectContaining({ files: true })]);
  });
});
