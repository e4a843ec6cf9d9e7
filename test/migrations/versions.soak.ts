import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { databaseUrls } from '../../src/platform/db/connections.ts';
import { readMigrationFiles } from '../../src/platform/db/migrations/files.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { revertMigration } from '../../src/platform/db/migrations/revert.ts';
import { verifyMigrations } from '../../src/platform/db/migrations/verify/verify.ts';
import { checkDatabase } from '../../src/platform/db/preflight.ts';
import { startOwnServer } from '../support/own-server.ts';
import { type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';
import { binariesOf } from '../support/postgres-versions.ts';

const quiet = () => {};

const starts = {
  'a plain Postgres': async (version: string): Promise<Platform> => {
    const server = await startOwnServer(await binariesOf(version));
    return { ...plainPlatform(server.url), stop: () => server.stop() };
  },
  Supabase: async (version: string): Promise<Platform> =>
    supabasePlatform(await startOwnServer(await binariesOf(version))),
};

const cases = ['15.18.0-beta.17', '16.13.0-beta.17', '17.9.0-beta.17', '18.4.0-beta.17'].flatMap((version) =>
  (['a plain Postgres', 'Supabase'] as const).map((name) => [name, version] as const),
);

describe.each(cases)('%s %s', (name, version) => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await starts[name](version);
  }, 300_000);
  afterAll(() => platform.stop());

  it('is migrated by 20 migrators at once, verified, taken down and migrated again', async () => {
    await using database = await platform.bareDatabase();
    const { migrations } = await readMigrationFiles();
    const all = migrations.map(({ file }) => file);
    const results = await Promise.all(
      Array.from({ length: 20 }, () => applyMigrations({ ...database, log: quiet })),
    );
    expect(results.map(({ applied }) => applied).filter((files) => files.length > 0)).toEqual([all]);
    const verify = async () => (await verifyMigrations(database)).filter(({ ok }) => !ok);
    expect(await verify()).toEqual([]);
    for (const { version: migration } of migrations.toReversed()) {
      await revertMigration({ ...database, migration, dropsRows: true, log: quiet });
    }
    await applyMigrations({ ...database, log: quiet });
    expect(await verify()).toEqual([]);
    await checkDatabase(database.adminUrl, { expectsSchema: true });
  });

  it('lets the login roles act for whom they may, and inherit nothing', async () => {
    await using database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: quiet });
    const { api, worker } = databaseUrls(database.adminUrl);
    for (const [url, role] of [
      [api, 'anon'],
      [api, 'authenticated'],
      [api, 'service_role'],
      [worker, 'service_role'],
    ] as const) {
      await withConnection(url, 'test', async (client) => {
        await expect(client.query('select from public.tenants')).rejects.toThrow('permission denied');
        await client.query(`set role ${role}`);
        const { rows } = await client.query('select current_user::text as role');
        expect(rows).toEqual([{ role }]);
      });
    }
  });

  it('adopts what was applied statement by statement', async () => {
    await using database = await platform.bareDatabase();
    const { migrations } = await readMigrationFiles();
    await withConnection(database.adminUrl, 'test', async (client) => {
      for (const file of migrations) for (const sql of file.statements) await client.query(sql);
    });
    const { adopted } = await applyMigrations({ ...database, log: quiet });
    expect(adopted).toEqual(migrations.slice(1).map(({ file }) => file));
  });
});

it('refuses Postgres 14 in one sentence', async () => {
  const server = await startOwnServer(await binariesOf('14.23.0-beta.17'));
  try {
    await expect(checkDatabase(server.url)).rejects.toThrow('is version 14, and Runcast needs 15 to 18');
  } finally {
    await server.stop();
  }
}, 300_000);
