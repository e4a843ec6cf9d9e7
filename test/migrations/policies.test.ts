import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { type BareDatabase, type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';

const ALICE = 'aaaaaaaa-0000-0000-0000-000000000000';
const BOB = 'bbbbbbbb-0000-0000-0000-000000000000';
const HERS = 'aaaaaaaa-1111-0000-0000-000000000000';
const HIS = 'bbbbbbbb-1111-0000-0000-000000000000';
const AGENT = 'aaaaaaaa-2222-0000-0000-000000000000';
const HIS_AGENT = 'bbbbbbbb-2222-0000-0000-000000000000';

describe.each([
  ['a plain Postgres', async () => plainPlatform()],
  ['Supabase', () => supabasePlatform()],
] as const)('the policies on %s', (_name, start) => {
  let platform: Platform;
  let database: BareDatabase;
  beforeAll(async () => {
    platform = await start();
    database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: () => {} });
    await withConnection(database.adminUrl, 'test', (client) =>
      client.query(`
        insert into auth.users (id, email) values ('${ALICE}', 'alice@example.com'), ('${BOB}', 'bob@example.com');
        insert into tenants (id, name, subdomain) values ('${HERS}', 'Hers', 'hers'), ('${HIS}', 'His', 'his');
        insert into user_tenants (tenant_id, user_id, role, status)
        values ('${HERS}', '${ALICE}', 'admin', 'active'), ('${HIS}', '${BOB}', 'admin', 'active'),
          ('${HERS}', '${BOB}', 'admin', 'suspended');
        insert into agents (id, name, version, category, output_type, tenant_id)
        values ('${AGENT}', 'hers', '1.0.0', 'custom', 'text', '${HERS}'),
          ('${HIS_AGENT}', 'his', '1.0.0', 'custom', 'text', '${HIS}');
        insert into training_configs (user_id, name, public_id, is_public)
        values ('${ALICE}', 'private', 'private', false), ('${ALICE}', 'public', 'public', true);
        insert into training_executions (user_id, public_id, method, provider)
        values ('${ALICE}', 'public', 'sft', 'local');
        insert into error_logs (error, tenant_id) values ('{"of": "hers"}', '${HERS}'), ('{"of": "nobody"}', null);`),
    );
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await platform.stop();
  });

  /** Runs `work` as a signed-in user, or as nobody, and keeps nothing of it. */
  function as<T>(user: string | undefined, work: (client: Client) => Promise<T>): Promise<T> {
    return withConnection(database.adminUrl, 'test', async (client) => {
      const role = user ? 'authenticated' : 'anon';
      await client.query('begin');
      await client.query(`select set_config('request.jwt.claims', $1, true)`, [
        JSON.stringify({ role, ...(user && { sub: user }) }),
      ]);
      await client.query(`set local role ${role}`);
      return work(client);
    });
  }
  const rowsOf = (user: string | undefined, sql: string) =>
    as(user, async (client) => (await client.query(sql)).rows);

  it('show each user their own rows, and nobody anything but public configs', async () => {
    const configs = 'select public_id from training_configs order by 1';
    expect(await rowsOf(ALICE, configs)).toEqual([{ public_id: 'private' }, { public_id: 'public' }]);
    expect(await rowsOf(BOB, configs)).toEqual([{ public_id: 'public' }]);
    expect(await rowsOf(undefined, configs)).toEqual([{ public_id: 'public' }]);
    const runs = 'select public_id from training_executions';
    expect(await rowsOf(ALICE, runs)).toEqual([{ public_id: 'public' }]);
    expect(await rowsOf(BOB, runs)).toEqual([]);
    await expect(rowsOf(undefined, runs)).rejects.toThrow('permission denied');
  });

  it('grant nothing to a suspended member', async () => {
    expect(await rowsOf(ALICE, 'select name from agents')).toEqual([{ name: 'hers' }]);
    expect(await rowsOf(BOB, 'select name from agents')).toEqual([{ name: 'his' }]);
    expect(await rowsOf(BOB, 'select name from tenants')).toEqual([{ name: 'His' }]);
  });

  it('show the feed of a run for a tenant to its owner only while an active member', async () => {
    const feeds = `
      select kind, count(*)::int as events from runcast.execution_streams
      join runcast.execution_events using (bucket, kind, execution_id)
      group by kind order by kind`;
    const seen = await as(undefined, async (client) => {
      await client.query('reset role');
      await client.query(`
        insert into agent_executions (agent_id, user_id, tenant_id) values ('${AGENT}', '${ALICE}', '${HERS}')`);
      const asAlice = async () => {
        await client.query(`select set_config('request.jwt.claims', $1, true)`, [
          JSON.stringify({ role: 'authenticated', sub: ALICE }),
        ]);
        await client.query('set local role authenticated');
        const { rows } = await client.query(feeds);
        await client.query('reset role');
        return rows;
      };
      const before = await asAlice();
      await client.query(`update user_tenants set status = 'removed' where user_id = '${ALICE}'`);
      return [before, await asAlice()];
    });
    const ofTraining = { kind: 'training', events: 1 };
    expect(seen).toEqual([[{ kind: 'agent', events: 1 }, ofTraining], [ofTraining]]);
  });

  it('let nobody charge a tenant that they do not belong to', async () => {
    const statements = [
      ['usage_metrics', `(user_id, metric_type, tenant_id) values ('${BOB}', 'api_calls', $1)`],
      ['agent_executions', `(agent_id, user_id, tenant_id) values ('${HIS_AGENT}', '${BOB}', $1)`],
      ['telemetry_events', `(type, user_id, tenant_id) values ('error', '${BOB}', $1)`],
      ['error_logs', `(error, user_id, tenant_id) values ('{}', '${BOB}', $1)`],
      [
        'subscriptions',
        `(user_id, tier, current_period_start, current_period_end, tenant_id)
         values ('${BOB}', 'free', now(), now(), $1)`,
      ],
    ];
    for (const [table, rest] of statements) {
      const insert = (tenant: string | null) =>
        as(BOB, (client) => client.query(`insert into ${table} ${rest}`, [tenant]));
      await expect(insert(HERS), table).rejects.toThrow('row-level security');
      expect((await insert(HIS)).rowCount, table).toBe(1);
      expect((await insert(null)).rowCount, table).toBe(1);
    }
  });

  it('show errors of nobody to nobody', async () => {
    for (const user of [ALICE, BOB]) expect(await rowsOf(user, 'select from error_logs')).toEqual([]);
  });

  it('cannot be gone round by truncating', async () => {
    for (const user of [undefined, ALICE]) {
      await expect(rowsOf(user, 'truncate training_executions cascade')).rejects.toThrow('permission denied');
    }
  });
});
