import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { databaseUrls } from '../../src/platform/db/connections.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';

const quiet = () => {};

/** What the session says of itself after `before`. */
function ask<Row extends object>(url: string, sql: string): Promise<Row[]> {
  return withConnection(url, 'test', async (client) => {
    const results = await client.query<Row>(sql);
    return (Array.isArray(results) ? results.at(-1) : results).rows;
  });
}

describe.each([
  ['a plain Postgres', async () => startOwnServer().then((server) => ownPlain(server))],
  ['Supabase', () => supabasePlatform()],
] as const)('the login roles on %s', (_name, start) => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await start();
  });
  afterAll(() => platform.stop());

  it('log in with the derived passwords and may do nothing until they say whom they act for', async () => {
    await using database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: quiet });
    const urls = databaseUrls(database.adminUrl);
    for (const url of [urls.api, urls.worker]) {
      await expect(ask(url, 'select from training_executions')).rejects.toThrow('permission denied');
      const [role] = await ask(
        url,
        'select rolinherit, rolbypassrls, rolsuper, rolcreaterole from pg_roles where rolname = session_user',
      );
      expect(role).toEqual({ rolinherit: false, rolbypassrls: false, rolsuper: false, rolcreaterole: false });
    }
    for (const role of ['anon', 'authenticated', 'service_role']) {
      const rows = await ask(urls.api, `set role ${role}; select current_user::text as role`);
      expect(rows).toEqual([{ role }]);
    }
    for (const role of ['authenticated', 'service_role']) {
      const rows = await ask(urls.worker, `set role ${role}; select current_user::text as role`);
      expect(rows).toEqual([{ role }]);
    }
    await expect(ask(urls.worker, 'set role anon')).rejects.toThrow('permission denied to set role');
  });

  it('are repaired when somebody changed them: another password, INHERIT, a membership lost', async () => {
    await using database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: quiet });
    await ask(
      database.adminUrl,
      `alter role runcast_api inherit nologin password 'another'; revoke anon from runcast_api`,
    );
    await applyMigrations({ ...database, log: quiet });
    const [role] = await ask(
      databaseUrls(database.adminUrl).api,
      'set role anon; reset role; select rolinherit from pg_roles where rolname = current_user',
    );
    expect(role).toEqual({ rolinherit: false });
  });

  it('never show their password in the server: what is kept and sent is a SCRAM verifier', async () => {
    await using database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: quiet });
    const rows = await ask<{ kept: string }>(
      database.superUrl,
      `select rolpassword as kept from pg_authid where rolname in ('runcast_api', 'runcast_worker')`,
    );
    expect(rows.map(({ kept }) => kept.split('$')[0])).toEqual(['SCRAM-SHA-256', 'SCRAM-SHA-256']);
  });

  it('are set up by 8 databases of one server at once', async () => {
    const databases = await Promise.all(Array.from({ length: 8 }, () => platform.bareDatabase()));
    const [first] = databases;
    if (!first) throw new Error('There are eight databases.');
    await ask(first.superUrl, 'drop role if exists runcast_api, runcast_worker').catch(quiet);
    await Promise.all(databases.map((database) => applyMigrations({ ...database, log: quiet })));
    for (const database of databases) {
      const rows = await ask(databaseUrls(database.adminUrl).api, 'set role anon; select 1 as one');
      expect(rows).toEqual([{ one: 1 }]);
    }
    await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()));
  });
});

describe('a migrator that may not manage roles', () => {
  let server: OwnServer;
  let platform: Platform;
  beforeAll(async () => {
    server = await startOwnServer();
    platform = ownPlain(server);
  });
  afterAll(() => server.stop());

  it('says what an administrator must run, without a password, and works after that', async () => {
    await using first = await platform.bareDatabase();
    // Makes the roles of the server, with passwords that only the superuser's derives.
    await applyMigrations({ ...first, log: quiet });
    await using database = await platform.bareDatabase();
    const url = new URL(database.adminUrl);
    url.username = 'humble';
    url.password = 'humble-password';
    await ask(
      database.superUrl,
      `create role humble login password 'humble-password';
       alter database ${url.pathname.slice(1)} owner to humble`,
    );
    const failure = await applyMigrations({ adminUrl: url.href, log: quiet }).catch(String);
    expect(failure).toContain(
      `have an administrator run "alter role runcast_api login password '<one of your own>'; alter role runcast_worker login password '<one of your own>';", and set API_DATABASE_URL and WORKER_DATABASE_URL`,
    );
    expect(failure).not.toContain('humble-password');
    expect(failure).not.toContain('SCRAM');
    const configured = databaseUrls(database.superUrl);
    expect(await applyMigrations({ adminUrl: url.href, configured, log: quiet })).toEqual({
      applied: [],
      adopted: [],
    });
    expect(await ask(configured.api, 'set role anon; select 1 as one')).toEqual([{ one: 1 }]);
  });

  it("leaves the passwords of configured logins alone: they are the operator's", async () => {
    await using database = await platform.bareDatabase();
    await ask(
      database.superUrl,
      `alter role runcast_api login password 'mine'; alter role runcast_worker login password 'mine'`,
    );
    const urls = databaseUrls(database.adminUrl);
    const mine = (text: string) => {
      const url = new URL(text);
      url.password = 'mine';
      return url.href;
    };
    const configured = { api: mine(urls.api), worker: mine(urls.worker) };
    await applyMigrations({ ...database, configured, log: quiet });
    expect(await ask(configured.api, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

function ownPlain(server: OwnServer): Platform {
  return { ...plainPlatform(server.url), stop: () => server.stop() };
}
