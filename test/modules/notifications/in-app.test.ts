import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inAppChannel } from '../../../src/modules/notifications/channels/in-app.ts';
import { notifyUser } from '../../../src/modules/notifications/sql.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../../src/platform/db/service.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { makeUser, type User } from '../../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { insertTenant } from '../../support/tenants.ts';

let testDatabase: TestDatabase;
let admin: Client;
let database: ServiceDatabase;
let owner: User;
let member: User;
let stranger: User;
let tenantId: string;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  admin = new Client({ connectionString: testDatabase.admin });
  await admin.connect();
  database = createServiceDatabase({ url: testDatabase.worker, poolSize: 8, log: createLogger('silent') });
});
beforeEach(async () => {
  [owner, member, stranger] = [await makeUser(admin), await makeUser(admin), await makeUser(admin)];
  tenantId = await insertTenant(admin, { [owner.id]: 'member', [member.id]: 'viewer' });
});
afterAll(async () => {
  await database.close();
  await admin.end();
  await testDatabase.drop();
});

type Row = { user_id: string; seq: string; title: string; body: string; tenant_id: string | null };

async function rowsOf(...users: User[]): Promise<Row[]> {
  const { rows } = await admin.query<Row>(
    'select * from runcast.notifications where user_id = any($1::uuid[]) order by user_id, seq',
    [users.map(({ id }) => id)],
  );
  return rows;
}

const notice = (userId: string, dedupeKey: string) => ({
  userId,
  tenantId: null,
  title: dedupeKey,
  body: '',
  source: null,
  dedupeKey,
});

const send = (recipients: string[], overrides: object = {}) =>
  inAppChannel(database)({
    recipients,
    subject: 'Done',
    message: 'All is well.',
    idempotencyKey: randomUUID(),
    owner: { userId: owner.id, tenantId },
    source: { execution: { kind: 'workflow', id: 'run-1' }, stepId: 'step-1' },
    ...overrides,
  });

describe('notify_user', () => {
  it('numbers without a gap in the order of commits, whoever writes at once and whatever is rolled back', async () => {
    const seen: number[] = [];
    const one = async (at: number) => {
      const work = database.transaction(async (sql) => {
        await notifyUser(sql, notice(owner.id, `key-${at}`));
        const rows = await sql.query<{ seq: string }>(
          'select max(seq) as seq from runcast.notifications where user_id = $1',
          [owner.id],
        );
        if (at % 5 === 0) throw new Error('rolled back');
        return Number(rows[0]?.seq);
      });
      await work.then(
        (seq) => seen.push(seq),
        () => undefined,
      );
    };
    await Promise.all(Array.from({ length: 200 }, (_, at) => one(at)));
    const rows = await rowsOf(owner);
    expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 160 }, (_, at) => at + 1));
    expect(seen.toSorted((a, b) => a - b)).toEqual(rows.map(({ seq }) => Number(seq)));
  });

  it('tells once for each key, also where several tell at once', async () => {
    const tell = (key: string) => database.transaction((sql) => notifyUser(sql, notice(owner.id, key)));
    const ids = await Promise.all(Array.from({ length: 40 }, (_, at) => tell(`key-${at % 4}`)));
    expect(new Set(ids).size).toBe(4);
    expect((await rowsOf(owner)).map(({ seq }) => seq)).toEqual(['1', '2', '3', '4']);
    await tell('another');
    expect((await rowsOf(owner)).at(-1)?.seq).toBe('5');
  });

  it('cuts what is too long, and keeps the newest 10,000', async () => {
    await admin.query(
      `with numbered as (
         insert into runcast.notifications (user_id, seq, title, body, dedupe_key)
         select $1, n, '', '', 'old-' || n from generate_series(1, 10000) n)
       insert into runcast.notification_counters values ($1, 10000)`,
      [owner.id],
    );
    for (let at = 1; at <= 3; at += 1) {
      const long = { ...notice(owner.id, `new-${at}`), title: 't'.repeat(300), body: 'b'.repeat(20_000) };
      await database.transaction((sql) => notifyUser(sql, long));
    }
    const { rows } = await admin.query(
      `select count(*)::int as count, min(seq)::int as first, max(length(title)) as title, max(length(body)) as body
       from runcast.notifications where user_id = $1`,
      [owner.id],
    );
    expect(rows).toEqual([{ count: 10_000, first: 4, title: 200, body: 10_000 }]);
  });

  it('is for services alone', async () => {
    const url = new URL(testDatabase.api);
    const client = new Client({ connectionString: url.href });
    await client.connect();
    await client.query('set role authenticated');
    for (const call of [
      `runcast.notify_user('${owner.id}', null, 'x', 'x', null, 'x')`,
      `runcast.find_recipients('${owner.id}', null, '{owner}')`,
      `runcast.email_of_user('${owner.id}')`,
    ]) {
      await expect(client.query(`select ${call}`)).rejects.toThrow('permission denied for function');
    }
    await expect(client.query('update runcast.notification_counters set last_seq = 0')).rejects.toThrow(
      'permission denied',
    );
    await expect(client.query(`update runcast.notifications set title = 'x'`)).rejects.toThrow(
      'permission denied',
    );
    await expect(client.query('delete from runcast.notifications')).rejects.toThrow('permission denied');
    await client.end();
  });
});

describe('the channel in-app', () => {
  it('tells members of the run’s tenant and its owner, by id, address or as the owner, each once', async () => {
    const recipients = ['owner', member.email.toUpperCase(), member.id, owner.email];
    const idempotencyKey = randomUUID();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await send(recipients, { idempotencyKey })).toEqual({ delivered: recipients, refused: [] });
    }
    expect(await rowsOf(owner, member)).toHaveLength(2);
    expect(await rowsOf(member)).toMatchObject([
      {
        title: 'Done',
        body: 'All is well.',
        tenant_id: tenantId,
        source_kind: 'workflow',
        source_execution_id: 'run-1',
        source_step_id: 'step-1',
        read_at: null,
      },
    ]);
  });

  it('tells nobody where one is somebody else, or nobody at all', async () => {
    await admin.query(
      `insert into public.user_tenants (tenant_id, user_id, status) values ($1, $2, 'suspended')`,
      [tenantId, stranger.id],
    );
    for (const recipient of [stranger.id, stranger.email, randomUUID(), 'nobody', '%', '', 'a\u0000b']) {
      await expect(send([owner.id, member.id, recipient])).rejects.toMatchObject({
        name: 'ChannelError',
        code: 'RECIPIENT_UNKNOWN',
        isFinal: true,
      });
    }
    expect(await rowsOf(owner, member, stranger)).toEqual([]);
  });

  it('of a run of no tenant tells its owner alone', async () => {
    const alone = { owner: { userId: owner.id, tenantId: null } };
    await send([owner.email], alone);
    await expect(send([member.id], alone)).rejects.toMatchObject({ code: 'RECIPIENT_UNKNOWN' });
    expect(await rowsOf(owner, member)).toMatchObject([{ user_id: owner.id, tenant_id: null }]);
  });

  it('does not deadlock with others who tell the same people in another order', async () => {
    const both = [owner.id, member.id];
    await Promise.all(Array.from({ length: 40 }, (_, at) => send(at % 2 === 0 ? both : both.toReversed())));
    expect(await rowsOf(owner)).toHaveLength(40);
  });
});
