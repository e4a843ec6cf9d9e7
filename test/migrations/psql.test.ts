import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMigrationFiles } from '../../src/platform/db/migrations/files.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { verifyMigrations } from '../../src/platform/db/migrations/verify/verify.ts';
import { type BareDatabase, type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('../../supabase/migrations/', import.meta.url));
const hasPsql = spawnSync('psql', ['--version']).status === 0;
if (!hasPsql) process.stderr.write('Skipped: the tests of psql -f, because there is no psql on the PATH.\n');

/** What psql prints on both channels, in the order of the lines of each; fails on the first error. */
async function psql(database: BareDatabase, args: string[]): Promise<{ out: string; notices: string }> {
  const { stdout, stderr } = await run('psql', ['-X', '-v', 'ON_ERROR_STOP=1', database.adminUrl, ...args]);
  return { out: stdout, notices: stderr };
}

const file = (name: string) => ['-f', `${folder}${name}`];

/** Guide 1's Expected Output. */
const EXPECTED_TAGS = [
  'CREATE TABLE',
  ...Array<string>(5).fill('CREATE INDEX'),
  'ALTER TABLE',
  ...Array<string>(4).fill('CREATE POLICY'),
  'CREATE FUNCTION',
  'CREATE TRIGGER',
  ...Array<string>(4).fill('COMMENT'),
];
const EXPECTED_NOTICES = [
  'NOTICE:  === Training Executions Table Created ===',
  'NOTICE:  Table: training_executions',
  'NOTICE:  Providers: colab, huggingface, openai, local',
  'NOTICE:  RLS: Enabled with user isolation',
  'NOTICE:  OpenAI support: job_id tracking and hyperparameters',
];

describe.skipIf(!hasPsql).each([
  ['a plain Postgres', async () => plainPlatform()],
  ['Supabase', () => supabasePlatform()],
] as const)('psql -f on %s', (_name, start) => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await start();
  });
  afterAll(() => platform.stop());

  it("applies each of the seeds' files after its predecessors and prints guide 1's Expected Output", async () => {
    await using database = await platform.bareDatabase();
    const { migrations } = await readMigrationFiles();
    for (const { file: name } of migrations.slice(0, 4)) await psql(database, file(name));
    const { out, notices } = await psql(database, file('20251024000008_create_training_executions.sql'));
    // The tag of the block that raises the notices comes last.
    expect(out.trim().split('\n')).toEqual([...EXPECTED_TAGS, 'DO']);
    const lines = notices.trim().split('\n');
    expect(lines.map((line) => line.replace(/^psql:.*?:\d+: /, ''))).toEqual(EXPECTED_NOTICES);
    const count = await psql(database, ['-At', '-c', 'SELECT COUNT(*) FROM training_executions;']);
    expect(count.out.trim()).toBe('0');
  });

  it("undoes guide 1's file with guide 1's rollback and applies it again", async () => {
    await using database = await platform.bareDatabase();
    const { migrations } = await readMigrationFiles();
    for (const { file: name } of migrations.slice(0, 5)) await psql(database, file(name));
    const rollback = [
      'DROP TABLE IF EXISTS training_executions CASCADE;',
      'DROP FUNCTION IF EXISTS update_training_executions_updated_at CASCADE;',
    ];
    await psql(
      database,
      rollback.flatMap((sql) => ['-c', sql]),
    );
    const again = await psql(database, file('20251024000008_create_training_executions.sql'));
    expect(again.out.trim().split('\n')).toEqual([...EXPECTED_TAGS, 'DO']);
    const undone = await psql(database, file('rollback/20251024000008_create_training_executions.sql'));
    expect(undone.out.trim().split('\n')).toEqual(['DROP TABLE', 'DROP FUNCTION']);
  });

  it('applies all files, which migrate apply then adopts and migrate verify passes', async () => {
    await using database = await platform.bareDatabase();
    const { migrations } = await readMigrationFiles();
    for (const { file: name } of migrations) await psql(database, file(name));
    const { adopted } = await applyMigrations({ ...database, log: () => {} });
    expect(adopted).toEqual(migrations.slice(1).map(({ file: name }) => name));
    expect((await verifyMigrations(database)).filter(({ ok }) => !ok)).toEqual([]);
  });
});

it('holds no psql meta-commands and no transactions, so that a paste into a SQL console works', async () => {
  const { migrations, repeatables } = await readMigrationFiles();
  for (const { statements } of [...migrations, ...repeatables]) {
    expect(
      statements.filter((sql) => /^\s*(\\|begin\b|commit\b|rollback\b)/im.test(sql.split('$')[0] ?? '')),
    ).toEqual([]);
  }
});

it('is what supabase/migrations points to', async () => {
  const name = '20251024000008_create_training_executions.sql';
  const linked = await readFile(`${folder}${name}`, 'utf8');
  expect(linked).toBe(await readFile(new URL(`../../migrations-sql/${name}`, import.meta.url), 'utf8'));
});
