import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { behindPooler, withConnection } from '../../../src/platform/db/connect.ts';
import { loginUrl } from '../../../src/platform/db/connections.ts';
import { startEmbeddedPostgres } from '../../../src/platform/db/embedded/server.ts';
import { applyMigrations } from '../../../src/platform/db/migrations/migrator.ts';
import { checkDatabase } from '../../../src/platform/db/preflight.ts';
import { StartupError } from '../../../src/platform/errors.ts';
import { type BareDatabase, plainPlatform } from '../../support/platforms.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { startTransactionPooler } from '../../support/transaction-pooler.ts';

let database: BareDatabase;
beforeAll(async () => {
  database = await plainPlatform().bareDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

function changed(change: (url: URL) => void): string {
  const url = new URL(database.adminUrl);
  change(url);
  return url.href;
}

/** The sentence that stops the start, which must not hold the password. */
async function refusal(url: string, options = {}): Promise<string> {
  const thrown = await checkDatabase(url, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(StartupError);
  const sentence = thrown instanceof StartupError ? thrown.message : '';
  expect(sentence).not.toContain(decodeURIComponent(new URL(url).password));
  expect(sentence.endsWith('.')).toBe(true);
  return sentence;
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

describe('the preflight', () => {
  it('lets a good database pass, empty or migrated', async () => {
    await checkDatabase(database.adminUrl);
    await using migrated = await plainPlatform().bareDatabase();
    await applyMigrations({ ...migrated, log: () => {} });
    await checkDatabase(migrated.adminUrl, { expectsSchema: true });
  });

  it('lets a process that has nothing but the logins see that somebody has migrated', async () => {
    await using migrated = await plainPlatform().bareDatabase();
    await applyMigrations({ ...migrated, log: () => {} });
    for (const role of ['runcast_api', 'runcast_worker'] as const) {
      await checkDatabase(loginUrl(migrated.adminUrl, role), { expectsSchema: true });
    }
  });

  it('says where nobody answers', async () => {
    const port = await unusedPort();
    const sentence = await refusal(changed((url) => (url.port = String(port))));
    expect(sentence).toMatch(
      /^No Postgres answers at 127\.0\.0\.1:\d+\/.*: start it, or correct DATABASE_URL\.$/,
    );
  });

  it('names the user whose password is refused', async () => {
    const url = changed((given) => (given.password = 'not-the-password'));
    expect(await refusal(url)).toContain('refuses the password of postgres: correct it in DATABASE_URL');
  });

  it('names the database that is missing', async () => {
    const sentence = await refusal(changed((url) => (url.pathname = '/nowhere')));
    expect(sentence).toMatch(/There is no such database at .*\/nowhere: create it/);
  });

  it('asks for the migrations first where the process does not migrate itself', async () => {
    expect(await refusal(database.adminUrl, { expectsSchema: true })).toMatch(
      /is not migrated \((\d+) of \1 migrations are missing\): run npm run migrate:apply first\.$/,
    );
  });

  it('refuses a schema that is newer than the program', async () => {
    await using newer = await plainPlatform().bareDatabase();
    await applyMigrations({ ...newer, log: () => {} });
    await withConnection(newer.adminUrl, 'test', (client) =>
      client.query(
        `insert into runcast_migrations.checksums (version, name, checksum, how)
         values ('20990101000000', 'later', 'x', 'applied')`,
      ),
    );
    expect(await refusal(newer.adminUrl)).toContain(
      'newer than the program: it has the migration 20990101000000',
    );
  });

  it('refuses a database that is read-only', async () => {
    await using readOnly = await plainPlatform().bareDatabase();
    const name = new URL(readOnly.adminUrl).pathname.slice(1);
    await withConnection(readOnly.adminUrl, 'test', (client) =>
      client.query(`alter database ${name} set default_transaction_read_only = on`),
    );
    expect(await refusal(readOnly.adminUrl)).toContain('is read-only (default_transaction_read_only)');
  });

  it('names port 5432 where it is given one of Supabase that pools transactions', () => {
    const { message } = behindPooler('postgresql://u:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres');
    expect(message).toContain(
      "Supabase's direct connection or its session pooler, port 5432 instead of 6543",
    );
  });

  it('refuses a read-only replica', async () => {
    const folder = await temporaryFolder('replica');
    const options = { folder: join(folder, 'postgres'), settings: { fsync: 'off' } };
    const primary = await startEmbeddedPostgres(options);
    await primary.stop();
    await writeFile(join(folder, 'postgres', 'data', 'standby.signal'), '');
    const replica = await startEmbeddedPostgres(options);
    try {
      expect(await refusal(replica.url)).toContain('is a read-only replica: set DATABASE_URL to the primary');
    } finally {
      await replica.stop();
      await rm(folder, { recursive: true });
    }
  });

  it.each([1, 2, 3, 5])('finds out a transaction pooler with %i server connections', async (keep) => {
    const pooler = await startTransactionPooler(database.adminUrl, keep);
    try {
      expect(await refusal(pooler.url)).toContain('A transaction pooler stands between Runcast and Postgres');
    } finally {
      await pooler.close();
    }
  });

  it('serves ordinary clients through that pooler, so that it is one', async () => {
    const pooler = await startTransactionPooler(database.adminUrl, 1);
    try {
      const answer = await withConnection(pooler.url, 'test', async (client) => {
        await client.query('begin');
        await client.query('select set_config($1, $2, true)', ['runcast.test', 'kept']);
        const { rows } = await client.query(`select current_setting('runcast.test') as kept`);
        await client.query('commit');
        return rows;
      });
      expect(answer).toEqual([{ kept: 'kept' }]);
    } finally {
      await pooler.close();
    }
  });
});

const hasPgbouncer = spawnSync('pgbouncer', ['--version']).status === 0;
if (!hasPgbouncer)
  process.stderr.write('Skipped: the preflight behind PgBouncer, because it is not installed.\n');

describe.skipIf(!hasPgbouncer)('the preflight behind PgBouncer', () => {
  it.each([
    ['transaction', true],
    ['session', false],
  ])('in %s mode', async (mode, isRefused) => {
    const port = await unusedPort();
    const folder = await temporaryFolder('pgbouncer');
    const target = new URL(database.adminUrl);
    const file = join(folder, 'pgbouncer.ini');
    await writeFile(
      file,
      `[databases]
* = host=${target.hostname} port=${target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${join(folder, 'users')}
pool_mode = ${mode}
`,
    );
    await writeFile(join(folder, 'users'), `"${target.username}" "${decodeURIComponent(target.password)}"\n`);
    const asOther = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const bouncer = spawn('pgbouncer', [...asOther, file], { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      for await (const line of bouncer.stderr.setEncoding('utf8')) if (/process up/.test(line)) break;
      const url = changed((given) => (given.port = String(port)));
      if (isRefused) expect(await refusal(url)).toContain('A transaction pooler stands between');
      else await checkDatabase(url);
    } finally {
      bouncer.kill('SIGINT');
      await once(bouncer, 'exit');
      await rm(folder, { recursive: true });
    }
  });
});
