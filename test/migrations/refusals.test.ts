import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateCommand } from '../../src/cli/migrate.ts';
import { withConnection } from '../../src/platform/db/connect.ts';
import { messageOf, StartupError } from '../../src/platform/errors.ts';
import { type BareDatabase, plainPlatform } from '../support/platforms.ts';
import { startTransactionPooler } from '../support/transaction-pooler.ts';

let database: BareDatabase;
beforeAll(async () => {
  database = await plainPlatform().bareDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

/** The one sentence that a migrate command ends with. */
async function refusal(args: string[], adminUrl: string): Promise<string> {
  const thrown = await migrateCommand(args, {
    withDatabase: (work) => work(adminUrl),
    print: () => {},
  }).then(String, (error: unknown) => error);
  expect(thrown).toBeInstanceOf(StartupError);
  return messageOf(thrown);
}

describe('what writes to the schema', () => {
  it.each([
    ['apply', ['apply']],
    ['down', ['down', '20261122000200', '--yes']],
  ])('is refused behind a transaction pooler: %s', async (_name, args) => {
    const pooler = await startTransactionPooler(database.adminUrl, 2);
    try {
      expect(await refusal(args, pooler.url)).toMatch(/^A transaction pooler stands between Runcast and/);
    } finally {
      await pooler.close();
    }
  });

  it('is refused to a role without the rights, in one sentence that leaves nothing behind', async () => {
    const role = `weak_${randomBytes(6).toString('hex')}`;
    const execute = (sql: string) =>
      withConnection(database.superUrl, 'test', async (client) => (await client.query(sql)).rows);
    await execute(`create role ${role} login password 'of-the-weak'`);
    try {
      const url = new URL(database.adminUrl);
      url.username = role;
      url.password = 'of-the-weak';
      const sentence = await refusal(['apply'], url.href);
      expect(sentence).toContain(`${role} may not migrate the database at ${url.host}`);
      expect(sentence).not.toContain('of-the-weak');
      expect(
        await execute(`select nspname from pg_namespace where nspname in ('runcast', 'pgboss', 'auth')`),
      ).toEqual([]);
    } finally {
      await execute(`drop role ${role}`);
    }
  });
});
