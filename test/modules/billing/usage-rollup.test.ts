import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compactAllUsage, compactUsage } from '../../../src/modules/billing/upkeep.ts';
import { connectFeed, type FeedFixture, insertUser, openFeed } from '../../support/feed.ts';
import { faultsOfRollup, leftovers } from '../../support/usage.ts';
import { runUsageWriters } from '../../support/usage-writers.ts';

const MIGRATION = '20261123000400_usage_rollup.sql';

describe('the sums of usage', () => {
  let feed: FeedFixture;
  let tenant: string;
  beforeAll(async () => {
    feed = await openFeed();
  });
  afterAll(() => feed.close());
  beforeEach(async () => {
    tenant = randomUUID();
    await feed.db.query('insert into public.tenants (id, name, subdomain) values ($1, $2, $3)', [
      tenant,
      'T',
      tenant,
    ]);
  });

  const insert = (quantity: number, at = '2026-03-01 10:07Z', metric = 'api_calls') =>
    feed.db.query(
      `insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity, "timestamp")
       values ($1, $2, $3, $4, $5)`,
      [feed.user, tenant, metric, quantity, at],
    );
  const sums = () =>
    feed.db.query(
      `select to_char(cell at time zone 'utc', 'MM-DD HH24:MI') as cell, metric_type as metric, quantity::int, records::int
       from runcast.usage_by_tenant where tenant_id = $1 order by 1, 2`,
      [tenant],
    );

  it('are the same as those of the rows while eight writers, two compactors and rollbacks change them', async () => {
    const report = await runUsageWriters(feed.database.admin, 3_000);
    expect(report.faults).toEqual([]);
    expect(report.committed).toBeGreaterThan(50);
    expect(report.rows).toBeGreaterThan(0);
  });

  it('are kept per quarter of an hour of UTC', async () => {
    await insert(1, '2026-03-01 10:00:00Z');
    await insert(2, '2026-03-01 10:14:59.999999Z');
    await insert(4, '2026-03-01 10:15:00Z');
    await insert(8, '2026-03-01 10:15:00Z', 'agent_calls');
    expect(await sums()).toEqual([]);
    expect(await faultsOfRollup(feed.db)).toEqual([]);
    await compactUsage(feed.db);
    expect(await sums()).toEqual([
      { cell: '03-01 10:00', metric: 'api_calls', quantity: 3, records: 2 },
      { cell: '03-01 10:15', metric: 'agent_calls', quantity: 8, records: 1 },
      { cell: '03-01 10:15', metric: 'api_calls', quantity: 4, records: 1 },
    ]);
  });

  it('hold any moment that a timestamp can be', async () => {
    for (const at of ['infinity', '-infinity', '294276-12-31 23:59:59Z', '4713-01-02 00:00Z BC'])
      await insert(1, at);
    await compactUsage(feed.db);
    const [row] = await feed.db.query(
      'select sum(quantity)::int as sum from runcast.usage_by_tenant where tenant_id = $1',
      [tenant],
    );
    expect(row).toEqual({ sum: 4 });
    await feed.db.query('delete from public.usage_metrics where tenant_id = $1', [tenant]);
  });

  it('keep nothing of what was deleted, with its tenant, its user or alone', async () => {
    const user = await insertUser(feed.db);
    await insert(5);
    await feed.db.query(
      `insert into public.usage_metrics (user_id, metric_type, quantity) values ($1, 'api_calls', 3)`,
      [user],
    );
    await compactAllUsage(feed.db, new AbortController().signal);
    expect(await sums()).toHaveLength(1);
    await feed.db.query('delete from public.tenants where id = $1', [tenant]);
    await feed.db.query('delete from auth.users where id = $1', [user]);
    expect(await faultsOfRollup(feed.db)).toEqual([]);
    await compactAllUsage(feed.db, new AbortController().signal);
    expect(await sums()).toEqual([]);
    expect(await leftovers(feed.db)).toBe(0);
  });

  it('do not change when only metadata does', async () => {
    await insert(5);
    await compactUsage(feed.db);
    await feed.db.query(`update public.usage_metrics set metadata = '{}' where tenant_id = $1`, [tenant]);
    expect(await leftovers(feed.db)).toBe(0);
  });

  it('are compacted by one at a time, and nobody waits for them', async () => {
    await insert(5);
    await using other = await connectFeed(feed.database.admin);
    await other.query('begin');
    expect(await compactUsage(other)).toBe(1);
    expect(await compactUsage(feed.db)).toBe(0);
    await insert(6);
    expect(await faultsOfRollup(feed.db)).toEqual([]);
    await other.query('rollback');
    expect(await compactUsage(feed.db)).toBe(2);
  });

  it('let two transactions that record two metrics in two orders both commit', async () => {
    await using first = await connectFeed(feed.database.admin);
    await using second = await connectFeed(feed.database.admin);
    const record = (db: typeof first, metric: string) =>
      db.query(
        'insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity) values ($1, $2, $3, 1)',
        [feed.user, tenant, metric],
      );
    for (const db of [first, second]) await db.query('begin');
    await record(first, 'api_calls');
    await record(second, 'agent_calls');
    await record(first, 'agent_calls');
    await record(second, 'api_calls');
    for (const db of [first, second]) await db.query('commit');
    await compactUsage(feed.db);
    expect((await sums()).map(({ quantity }: { quantity?: number }) => quantity)).toEqual([2, 2]);
  });

  it('are seen as usage itself is', async () => {
    const stranger = await insertUser(feed.db);
    const payer = await insertUser(feed.db);
    const member = await insertUser(feed.db);
    for (const [user, role] of [
      [payer, 'billing'],
      [member, 'member'],
    ]) {
      await feed.db.query('insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, $3)', [
        tenant,
        user,
        role,
      ]);
    }
    await insert(5);
    await compactUsage(feed.db);
    await insert(6);
    await using caller = await connectFeed(feed.database.admin);
    const seen = async (user: string) => {
      await caller.as('authenticated', user);
      const [row] = await caller.query(
        `select (select count(*) from public.usage_metrics where tenant_id = $1)::int as rows,
           (select count(*) from runcast.usage_deltas where tenant_id = $1)::int as deltas,
           (select count(*) from runcast.usage_by_user where tenant_id = $1)::int as "byUser",
           (select count(*) from runcast.usage_by_tenant where tenant_id = $1)::int as "byTenant"`,
        [tenant],
      );
      return row;
    };
    expect(await seen(payer)).toEqual({ rows: 2, deltas: 1, byUser: 1, byTenant: 1 });
    expect(await seen(feed.user)).toEqual({ rows: 2, deltas: 1, byUser: 1, byTenant: 0 });
    const nothing = { rows: 0, deltas: 0, byUser: 0, byTenant: 0 };
    expect(await seen(member)).toEqual(nothing);
    expect(await seen(stranger)).toEqual(nothing);
    for (const table of ['usage_deltas', 'usage_by_user', 'usage_by_tenant']) {
      await expect(caller.query(`delete from runcast.${table}`)).rejects.toThrow('permission denied');
    }
    await caller.as('anon');
    await expect(caller.query('select from runcast.usage_by_user')).rejects.toThrow('permission denied');
  });

  it('are emptied with the table', async () => {
    await insert(5);
    await compactUsage(feed.db);
    await insert(6);
    await feed.db.query('truncate public.usage_metrics');
    expect(await faultsOfRollup(feed.db)).toEqual([]);
    expect(await sums()).toEqual([]);
  });

  it('begin with the rows that were there before the migration, and are kept from then on', async () => {
    const file = (folder: string) =>
      readFile(new URL(`../../../migrations-sql/${folder}${MIGRATION}`, import.meta.url), 'utf8');
    await feed.db.client.query(await file('rollback/'));
    await insert(5);
    await insert(6);
    await feed.db.client.query(await file(''));
    expect(await sums()).toEqual([{ cell: '03-01 10:00', metric: 'api_calls', quantity: 11, records: 2 }]);
    await insert(7);
    expect(await faultsOfRollup(feed.db)).toEqual([]);
  });

  it('are made anew by migrate:apply where a trigger was lost', async () => {
    await feed.db.query('drop trigger zz_runcast_usage_delete on public.usage_metrics');
    await insert(5);
    await feed.db.query('delete from public.usage_metrics');
    expect(await faultsOfRollup(feed.db)).not.toEqual([]);
    await feed.db.client.query('select runcast.attach_usage_rollup()');
    expect(await faultsOfRollup(feed.db)).toEqual([]);
    await insert(5);
    await feed.db.query('delete from public.usage_metrics');
    expect(await faultsOfRollup(feed.db)).toEqual([]);
  });
});
