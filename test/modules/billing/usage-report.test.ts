import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compactAllUsage } from '../../../src/modules/billing/upkeep.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient } from '../../support/feed.ts';
import { makeTenant, type TestTenant } from '../accounts/support.ts';

const REPORT = `query ($period: TimePeriod!, $tenantId: ID, $metrics: [UsageMetric!], $groupBy: [UsageGrouping!],
    $bucket: TimeBucket, $timezone: String) {
  usageReport(period: $period, tenantId: $tenantId, metrics: $metrics, groupBy: $groupBy, bucket: $bucket,
    timezone: $timezone) {
    timezone bucket period { from to } previousPeriod { from to }
    total { quantity records previousQuantity previousRecords changePercent }
    groups { metric metricText userId tenantId quantity records previousQuantity previousRecords changePercent
      buckets { from to quantity records } }
  }
}`;

const METRICS = ['api_calls', 'agent_calls', 'carrier_pigeons'];

describe('usageReport', () => {
  let api: TestApi;
  let db: FeedClient;
  let tenant: TestTenant;
  let other: TestTenant;
  beforeAll(async () => {
    api = await startApi();
    db = await connectFeed(api.database.admin);
    tenant = await makeTenant(api);
    other = await makeTenant(api);
    // Two years, every 20 minutes and 13 seconds, so that no row lies on an edge of a cell for long.
    await db.query(
      `insert into usage_metrics (user_id, tenant_id, metric_type, quantity, "timestamp")
       select case when i % 3 = 0 then $1::uuid else $2::uuid end,
         case i % 5 when 0 then null when 1 then $4::uuid else $3::uuid end,
         ($5::text[])[1 + i % 4 % 3], i % 97, timestamptz '2025-06-01Z' + i * interval '20 minutes 13 seconds'
       from generate_series(1, 50000) i`,
      [tenant.member.id, tenant.admin.id, tenant.id, other.id, METRICS],
    );
  });
  afterAll(async () => {
    await db[Symbol.asyncDispose]();
    await api.close();
  });

  async function report(variables: object, user: Pick<User, 'token'>): Promise<Data> {
    const { data, errors } = await api.ask(REPORT, variables, user);
    if (errors) throw new Error(JSON.stringify(errors));
    return data.usageReport;
  }

  /** Plain SQL over the rows: quantity and records from one moment to another, by key. */
  async function oracle(
    from: string,
    to: string,
    keys: string,
    where: string,
  ): Promise<Map<string, [string, string]>> {
    const rows = await db.query<{ key: string; quantity: string; records: string }>(
      `select concat_ws('/', ${keys}) as key, sum(quantity)::text as quantity, count(*)::text as records
       from usage_metrics where "timestamp" >= $1 and "timestamp" < $2 and ${where} group by 1`,
      [from, to],
    );
    return new Map(rows.map(({ key, quantity, records }) => [key, [quantity, records]]));
  }

  /** Every bucket of every group, the totals and the period before, against the rows. */
  async function compare(found: Data, keys: string, where: string): Promise<void> {
    const { period, previousPeriod, groups, total } = found;
    const keyOf = (group: Data) =>
      [group.metricText, group.userId, group.tenantId].filter((key) => key !== null).join('/');
    const now = await oracle(period.from, period.to, keys, where);
    const before = await oracle(previousPeriod.from, previousPeriod.to, keys, where);
    const NOTHING = ['0', '0'];
    const [{ buckets }] = groups;
    for (const { from, to } of buckets) {
      const rows = await oracle(from, to, keys, where);
      for (const group of groups) {
        const at = group.buckets.find((bucket: Data) => bucket.from === from);
        expect([String(at.quantity), String(at.records)], `${keyOf(group)} ${from}`).toEqual(
          rows.get(keyOf(group)) ?? NOTHING,
        );
      }
    }
    for (const group of groups) {
      expect([String(group.quantity), String(group.records)]).toEqual(now.get(keyOf(group)) ?? NOTHING);
      const previous = before.get(keyOf(group)) ?? NOTHING;
      expect([String(group.previousQuantity), String(group.previousRecords)]).toEqual(previous);
    }
    expect(groups.map(keyOf).sort()).toEqual([...new Set([...now.keys(), ...before.keys()])].sort());
    const sum = (rows: Map<string, [string, string]>) =>
      [...rows.values()].reduce((all, [quantity]) => all + Number(quantity), 0);
    expect(Number(total.quantity)).toBe(sum(now));
    expect(Number(total.previousQuantity)).toBe(sum(before));
    expect(total.changePercent).toBe(
      sum(before) === 0 ? null : Math.round(((sum(now) - sum(before)) * 10_000) / sum(before)) / 100,
    );
  }

  /** Where buckets must begin, told by Node's own calendar: wherever the local date, or hour, becomes another. */
  function beginnings(from: string, to: string, timezone: string, bucket: string): string[] {
    const format = new Intl.DateTimeFormat('en-CA', {
      ...{ timeZone: timezone, year: 'numeric', month: '2-digit', day: '2-digit', weekday: 'short' },
      ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    });
    const at = (ms: number) =>
      Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const isStart = (ms: number) => {
      const now = at(ms);
      const isNewDay = now.day !== at(ms - 900_000).day;
      if (bucket === 'HOUR') return now.minute === '00';
      if (bucket === 'DAY') return isNewDay;
      return isNewDay && (bucket === 'WEEK' ? now.weekday === 'Mon' : now.day === '01');
    };
    const starts = [from];
    for (let ms = Math.ceil((Date.parse(from) + 1) / 900_000) * 900_000; ms < Date.parse(to); ms += 900_000) {
      if (isStart(ms)) starts.push(new Date(ms).toISOString());
    }
    return starts;
  }

  const cases: [
    what: string,
    timezone: string,
    bucket: string,
    from: string,
    to: string,
    previousFrom: string,
  ][] = [
    [
      'the hours of a day of 23',
      'Europe/Berlin',
      'HOUR',
      '2026-03-28T23:00Z',
      '2026-03-29T22:00Z',
      '2026-03-28T00:00Z',
    ],
    [
      'the hours of a day of 25',
      'Europe/Berlin',
      'HOUR',
      '2026-10-24T22:00Z',
      '2026-10-25T23:00Z',
      '2026-10-23T21:00Z',
    ],
    [
      'the week that daylight saving begins in',
      'Europe/Berlin',
      'DAY',
      '2026-03-25T23:00Z',
      '2026-04-01T22:00Z',
      '2026-03-18T23:00Z',
    ],
    [
      'the week that it ends in',
      'Europe/Berlin',
      'DAY',
      '2026-10-20T22:00Z',
      '2026-10-27T23:00Z',
      '2026-10-13T22:00Z',
    ],
    [
      'the one day that it begins on',
      'Europe/Berlin',
      'DAY',
      '2026-03-28T23:00Z',
      '2026-03-29T22:00Z',
      '2026-03-27T23:00Z',
    ],
    [
      'hours in Nepal',
      'Asia/Kathmandu',
      'HOUR',
      '2026-05-01T18:15Z',
      '2026-05-02T18:15Z',
      '2026-04-30T18:15Z',
    ],
    ['days in Nepal', 'Asia/Kathmandu', 'DAY', '2026-05-01T18:15Z', '2026-05-11T18:15Z', '2026-04-21T18:15Z'],
    ['weeks', 'America/New_York', 'WEEK', '2026-03-02T05:00Z', '2026-03-30T04:00Z', '2026-02-02T05:00Z'],
    ['months', 'Europe/Berlin', 'MONTH', '2026-02-28T23:00Z', '2026-03-31T22:00Z', '2026-01-31T23:00Z'],
    [
      'a year by months',
      'Asia/Kathmandu',
      'MONTH',
      '2025-12-31T18:15Z',
      '2026-12-31T18:15Z',
      '2024-12-31T18:15Z',
    ],
    [
      'a midnight that comes twice',
      'Atlantic/Azores',
      'DAY',
      '2026-10-24T00:00Z',
      '2026-10-27T01:00Z',
      '2026-10-21T00:00Z',
    ],
    [
      'a midnight that never comes',
      'Africa/Cairo',
      'DAY',
      '2026-04-22T22:00Z',
      '2026-04-25T21:00Z',
      '2026-04-19T22:00Z',
    ],
    [
      'days from and to the middle of one',
      'Europe/Berlin',
      'DAY',
      '2026-03-27T10:07:11.123Z',
      '2026-03-30T17:59:59.999Z',
      '2026-03-24T02:14:22.247Z',
    ],
    [
      'less than a quarter of an hour',
      'UTC',
      'HOUR',
      '2026-03-27T10:02Z',
      '2026-03-27T10:13Z',
      '2026-03-27T09:51Z',
    ],
    ['weeks and a part of one', 'UTC', 'WEEK', '2026-03-04T00:00Z', '2026-03-20T12:00Z', '2026-02-15T12:00Z'],
  ];
  describe.each([['before the sums are compacted'], ['after']])('%s', (when) => {
    beforeAll(async () => {
      if (when === 'after') await compactAllUsage(db, new AbortController().signal);
    });

    it.each(cases)('counts %s in %s by %s', async (_what, timezone, bucket, from, to, previousFrom) => {
      const period = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
      const found = await report(
        { period, timezone, bucket, groupBy: ['METRIC'], tenantId: tenant.id },
        tenant.billing,
      );
      expect(found).toMatchObject({ timezone, bucket, period });
      expect(found.previousPeriod).toEqual({ from: new Date(previousFrom).toISOString(), to: period.from });
      const starts = beginnings(period.from, period.to, timezone, bucket);
      for (const { buckets } of found.groups) {
        expect(buckets.map((one: Data) => one.from)).toEqual(starts);
        expect(buckets.map((one: Data) => one.to)).toEqual([...starts.slice(1), period.to]);
      }
      await compare(found, 'metric_type', `tenant_id = '${tenant.id}'`);
    });

    const period = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-08T00:00:00.000Z' };

    it('divides what is charged to a tenant by metric and user', async () => {
      const found = await report({ period, tenantId: tenant.id, groupBy: ['METRIC', 'USER'] }, tenant.admin);
      expect(found.groups).toHaveLength(6);
      await compare(found, 'metric_type, user_id', `tenant_id = '${tenant.id}'`);
    });

    it("divides the caller's own by tenant, one of them none", async () => {
      const found = await report({ period, groupBy: ['TENANT', 'WEEK'] }, tenant.member);
      expect(found.groups.map(({ tenantId }: Data) => tenantId).sort()).toEqual(
        [tenant.id, other.id, null].sort(),
      );
      expect(found.bucket).toBe('WEEK');
      await compare(found, 'tenant_id', `user_id = '${tenant.member.id}'`);
    });

    it('looks at the metrics that are asked for, unknown ones among them', async () => {
      const where = `tenant_id = '${tenant.id}' and metric_type in ('api_calls', 'carrier_pigeons')`;
      const found = await report(
        { period, tenantId: tenant.id, metrics: ['API_CALLS', 'UNKNOWN'] },
        tenant.billing,
      );
      await compare(found, 'metric_type', where);
      expect(found.groups.map(({ metric }: Data) => metric).sort()).toEqual(['API_CALLS', 'UNKNOWN']);
    });

    it('sums everything up where it is divided by nothing', async () => {
      const [all] = (await report({ period, tenantId: tenant.id, groupBy: [] }, tenant.billing)).groups;
      const rows = await oracle(period.from, period.to, `'all'`, `tenant_id = '${tenant.id}'`);
      expect([all.quantity, all.records].map(String)).toEqual(rows.get('all'));
    });
  });

  const period = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-04T00:00:00.000Z' };

  it('fills a period of nothing with zeros', async () => {
    const nobody = await api.makeUser();
    const found = await report({ period, groupBy: [] }, nobody);
    expect(found.groups).toEqual([
      expect.objectContaining({
        ...{ quantity: 0, records: 0, previousQuantity: 0, changePercent: null },
        buckets: ['01', '02', '03'].map((day) => ({
          from: `2026-03-${day}T00:00:00.000Z`,
          to: `2026-03-0${Number(day) + 1}T00:00:00.000Z`,
          quantity: 0,
          records: 0,
        })),
      }),
    ]);
    expect((await report({ period }, nobody)).groups).toEqual([]);
    expect((await report({ period }, nobody)).total).toMatchObject({ quantity: 0, changePercent: null });
  });

  it('shows a late row, and a correction, at once', async () => {
    const ask = async () =>
      (await report({ period, tenantId: tenant.id, groupBy: [] }, tenant.billing)).total;
    const { quantity, records } = await ask();
    const [row] = await db.query<{ id: string }>(
      `insert into usage_metrics (user_id, tenant_id, metric_type, quantity, "timestamp")
       values ($1, $2, 'api_calls', 1000, '2026-03-02Z') returning id`,
      [tenant.member.id, tenant.id],
    );
    expect(await ask()).toMatchObject({ quantity: quantity + 1000, records: records + 1 });
    await db.query('update usage_metrics set quantity = 1 where id = $1', [row?.id]);
    expect(await ask()).toMatchObject({ quantity: quantity + 1, records: records + 1 });
    await db.query('delete from usage_metrics where id = $1', [row?.id]);
    expect(await ask()).toMatchObject({ quantity, records });
  });

  it('sums what is more than any number of JavaScript', async () => {
    const user = await api.makeUser();
    await db.query(
      `insert into usage_metrics (user_id, metric_type, quantity, "timestamp")
       values ($1, 'tokens_input', 1, '2026-03-02Z')`,
      [user.id],
    );
    await db.query('update runcast.usage_deltas set quantity = 9007199254740993 where user_id = $1', [
      user.id,
    ]);
    const text = await (
      await fetch(`${api.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${user.token}` },
        body: JSON.stringify({ query: REPORT, variables: { period } }),
      })
    ).text();
    expect(text).toContain('9007199254740993');
    await db.query('delete from runcast.usage_deltas where user_id = $1', [user.id]);
  });

  it("shows a tenant's to its admins, its billing role and services, and answers others as if there were none", async () => {
    const ask = (user: Pick<User, 'token'>, tenantId = tenant.id) => report({ period, tenantId }, user);
    const service = { token: await tokenOf({ role: 'service_role' }) };
    for (const user of [tenant.admin, tenant.billing, service])
      expect((await ask(user)).groups.length).toBe(3);
    for (const user of [tenant.member, tenant.viewer, other.admin, await api.makeUser()]) {
      expect(await ask(user)).toBeNull();
    }
    expect(await ask(tenant.admin, randomUUID())).toBeNull();
    expect(await ask(service, randomUUID())).toBeNull();
    const globalId = Buffer.from(`Tenant:${tenant.id}`).toString('base64');
    expect((await ask(tenant.admin, globalId)).groups.length).toBe(3);
    await db.query(`update user_tenants set status = 'suspended' where user_id = $1`, [tenant.billing.id]);
    expect(await ask(tenant.billing)).toBeNull();
    await db.query(`update user_tenants set status = 'active' where user_id = $1`, [tenant.billing.id]);
  });

  it('needs somebody, and of a service a tenant', async () => {
    const codes = async (user?: Pick<User, 'token'>) =>
      (await api.ask(REPORT, { period }, user)).errors?.map(({ extensions }) => extensions?.code);
    expect(await codes()).toEqual(['UNAUTHENTICATED']);
    expect(await codes({ token: await tokenOf({ role: 'service_role' }) })).toEqual(['BAD_USER_INPUT']);
  });

  it('refuses all faulty arguments at once', async () => {
    const faults = async (variables: object) => {
      const { data, errors } = await api.ask(REPORT, { period, ...variables }, tenant.admin);
      expect(data?.usageReport ?? null).toBeNull();
      expect(errors).toHaveLength(1);
      expect(errors?.[0]?.extensions?.code).toBe('VALIDATION_FAILED');
      return errors?.[0]?.message;
    };
    const backward = { from: period.to, to: period.from };
    expect(await faults({ period: backward, timezone: 'Europe/Atlantis', tenantId: 'none' })).toBe(
      'The input is not valid: period.to must be later than `from`; tenantId must be an id; ' +
        'timezone must be the name of a time zone, such as Europe/Berlin or UTC.',
    );
    for (const timezone of ['', 'CET', '+05:17', 'UTC+3', '<+07>-07', "Europe/Berlin'", 'Europe']) {
      expect(await faults({ timezone }), timezone).toContain('timezone must be');
    }
    expect(await faults({ period: { from: period.from, to: period.from } })).toContain('must be later than');
    expect(await faults({ groupBy: ['DAY', 'WEEK'] })).toContain('groupBy must hold one length of buckets');
    expect(await faults({ groupBy: ['DAY'], bucket: 'HOUR' })).toContain(
      'groupBy must hold one length of buckets',
    );
    expect(await faults({ period: { from: '1960-01-01T00:00:00Z', to: period.to } })).toContain(
      'must lie between the years 1973 and 2200',
    );
    const ages = { from: '1980-01-01T00:00:00Z', to: period.to };
    expect(await faults({ period: ages, bucket: 'HOUR' })).toContain('more than 20000 in all');
    const years = { from: '2025-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' };
    expect(await faults({ period: years, bucket: 'HOUR', tenantId: tenant.id })).toMatch(
      /period has 8760 buckets by hour, for each of 3 group\(s\): more than 20000 in all/,
    );
  });
});
