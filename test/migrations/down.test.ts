import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { readMigrationFiles } from '../../src/platform/db/migrations/files.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { revertMigration } from '../../src/platform/db/migrations/revert.ts';
import { verifyMigrations } from '../../src/platform/db/migrations/verify/verify.ts';
import { type BareDatabase, type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';

const quiet = () => {};

function query<Row extends object>(database: BareDatabase, sql: string): Promise<Row[]> {
  return withConnection(database.adminUrl, 'test', async (client) => (await client.query<Row>(sql)).rows);
}

const down = (
  database: BareDatabase,
  migration: string,
  dropsRows = false,
  log: (line: string) => void = quiet,
) => revertMigration({ adminUrl: database.adminUrl, migration, dropsRows, log });

describe.each([
  ['a plain Postgres', async () => plainPlatform()],
  ['Supabase', () => supabasePlatform()],
] as const)('migrate down on %s', (_name, start) => {
  let platform: Platform;
  let database: BareDatabase;
  beforeAll(async () => {
    platform = await start();
    database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: quiet });
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await platform.stop();
  });

  it('takes every file down from the last to the first, and apply brings all of it back', async () => {
    const { migrations } = await readMigrationFiles();
    for (const { version } of migrations.toReversed()) await down(database, version, true);
    const left = await query(database, `select from pg_tables where schemaname in ('public', 'runcast')`);
    expect(left).toEqual([]);
    const ledger = await query(database, 'select version from supabase_migrations.schema_migrations');
    expect(ledger).toEqual([]);
    await applyMigrations({ ...database, log: quiet });
    expect((await verifyMigrations(database)).filter(({ ok }) => !ok)).toEqual([]);
  });

  it('refuses to drop rows unless told to, and then names the tables it dropped', async () => {
    await query(database, `insert into auth.users (id) values ('11111111-0000-0000-0000-000000000001')`);
    await query(
      database,
      `insert into training_executions (user_id, public_id, method, provider)
       values ('11111111-0000-0000-0000-000000000001', 'p', 'sft', 'local')`,
    );
    await expect(down(database, '20251024000008')).rejects.toThrow(
      'would drop public.training_executions with all rows: back them up, then say so with --yes.',
    );
    expect(await query(database, 'select public_id from training_executions')).toEqual([{ public_id: 'p' }]);
    const lines: string[] = [];
    await down(database, '20251024000008', true, (line) => lines.push(line));
    expect(lines[0]).toBe('public.training_executions: dropped');
    await expect(down(database, '20251024000008')).rejects.toThrow('is not applied');
    await applyMigrations({ ...database, log: quiet });
  });

  it('refuses a migration that later ones build on', async () => {
    await expect(down(database, '20250130000000')).rejects.toThrow('take those down first');
    expect(await query(database, 'select from agents')).toEqual([]);
  });

  it('names the migrations there are when asked for another', async () => {
    await expect(down(database, '20200101000000')).rejects.toThrow(
      'There is no migration 20200101000000: choose one of 20250101000000 (platform_base),',
    );
  });
});

it("leaves a platform's own tables and Supabase's auth alone when the base is taken down", async () => {
  const platform = await supabasePlatform();
  try {
    await using database = await platform.bareDatabase();
    await query(database, 'create table public.tenants (id uuid primary key default gen_random_uuid())');
    const { migrations } = await readMigrationFiles();
    const [base] = migrations;
    await query(database, base?.sql ?? '');
    await query(
      database,
      `create schema runcast_migrations;
       create table runcast_migrations.checksums (version text primary key, name text, checksum text, how text,
         recorded_at timestamptz default now());
       create schema supabase_migrations;
       create table supabase_migrations.schema_migrations (version text primary key);
       insert into supabase_migrations.schema_migrations values ('${base?.version}');
       insert into runcast_migrations.checksums
       values ('${base?.version}', '${base?.name}', '${base?.checksum}', 'adopted')`,
    );
    await down(database, base?.version ?? '');
    const left = await query<{ name: string }>(
      database,
      `select schemaname || '.' || tablename as name from pg_tables
       where schemaname in ('public', 'auth') order by 1`,
    );
    expect(left.map(({ name }) => name)).toContain('public.tenants');
    expect(left.map(({ name }) => name)).toContain('auth.users');
    expect(left.map(({ name }) => name)).not.toContain('public.training_configs');
  } finally {
    await platform.stop();
  }
});
