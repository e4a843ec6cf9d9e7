import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ValidationError } from '../../../src/graphql/errors.ts';
import type { TimeBucket } from '../../../src/graphql/time-buckets.ts';
import { performanceReport } from '../../../src/modules/observability/performance-report.ts';
import type { Sql } from '../../../src/platform/db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { sqlOver } from '../../support/sql.ts';

let database: TestDatabase;
let admin: Client;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  admin = new Client({ connectionString: database.admin });
  await admin.connect();
  sql = sqlOver(admin);
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});
beforeEach(() => admin.query('truncate performance_metrics'));

const period = (from: string, to: string) => ({ from: new Date(from), to: new Date(to) });

/** Figures every 7 minutes, from a day before to a day after, in two units and two regions. */
function measure(from: Date, to: Date) {
  return admin.query(
    `insert into performance_metrics (metric, value, unit, tags, "timestamp")
     select 'latency', round((random() * 1000)::numeric, 4), case when n % 5 = 0 then 's' else 'ms' end,
       jsonb_build_object('region', case when n % 3 = 0 then 'eu' else 'us' end), at
     from generate_series($1::timestamptz - interval '1 day', $2::timestamptz + interval '1 day', '7 minutes') with ordinality g (at, n)`,
    [from, to],
  );
}

const LABELS: Record<TimeBucket, string> = {
  hour: 'YYYY-MM-DD HH24 TZH:TZM',
  day: 'YYYY-MM-DD',
  week: 'IYYY-IW',
  month: 'YYYY-MM',
};

/** The same figures, told apart by what a calendar on the wall says. */
async function expected(bucket: TimeBucket, zone: string, { from, to }: { from: Date; to: Date }) {
  const { rows } = await inZone(
    zone,
    `select to_char("timestamp", $1) as label, count(*)::int as count, avg(value)::float8 as mean, min(value)::float8 as min,
       max(value)::float8 as max, percentile_cont(0.5) within group (order by value) as p50,
       percentile_cont(0.95) within group (order by value) as p95,
       percentile_cont(0.99) within group (order by value) as p99
     from performance_metrics
     where metric = 'latency' and unit = 'ms' and "timestamp" >= $2 and "timestamp" < $3
     group by 1`,
    [LABELS[bucket], from, to],
  );
  return new Map(rows.map(({ label, ...figures }) => [label, figures]));
}

async function labelOf(bucket: TimeBucket, zone: string, start: Date): Promise<string> {
  const { rows } = await inZone(zone, 'select to_char($1::timestamptz, $2) as label', [
    start,
    LABELS[bucket],
  ]);
  return rows[0].label;
}

/** A statement of a session that lives in that zone. */
async function inZone(zone: string, text: string, values: unknown[]) {
  await admin.query(`select set_config('timezone', $1, false)`, [zone]);
  try {
    return await admin.query(text, values);
  } finally {
    await admin.query('reset timezone');
  }
}

describe('performanceReport', () => {
  it.each([
    ['hour', 'UTC', '2026-03-01T00:20:00Z', '2026-03-03T00:00:00Z', 48],
    ['hour', 'Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z', 25],
    ['hour', 'America/St_Johns', '2026-11-01T02:30:00Z', '2026-11-02T03:30:00Z', 25],
    ['hour', 'Asia/Kolkata', '2026-04-04T18:30:00Z', '2026-04-05T18:30:00Z', 24],
    ['day', 'Europe/Berlin', '2026-03-27T23:00:00Z', '2026-03-30T22:00:00Z', 3],
    ['day', 'America/Sao_Paulo', '2018-11-02T03:00:00Z', '2018-11-06T02:00:00Z', 4],
    ['day', 'Pacific/Apia', '2011-12-28T10:00:00Z', '2012-01-01T10:00:00Z', 4],
    ['day', 'America/Havana', '2026-10-31T04:00:00Z', '2026-11-03T05:00:00Z', 3],
    ['week', 'America/New_York', '2026-10-20T04:00:00Z', '2026-11-10T05:00:00Z', 4],
    ['month', 'Asia/Tokyo', '2025-12-31T15:00:00Z', '2026-02-28T15:00:00Z', 2],
  ] as const)('cuts time into each %s of %s from %s to %s, as a calendar there does', async (bucket, timezone, from, to, buckets) => {
    const range = period(from, to);
    await measure(range.from, range.to);
    const report = await performanceReport(sql, { metric: 'latency', period: range, bucket, timezone });
    const [ms] = report.series.filter(({ unit }) => unit === 'ms');
    const wanted = await expected(bucket, timezone, range);
    expect(ms?.buckets).toHaveLength(buckets);
    for (const { from: start, to: end, count, ...figures } of ms?.buckets ?? []) {
      const of = wanted.get(await labelOf(bucket, timezone, start));
      expect(await labelOf(bucket, timezone, new Date(end.getTime() - 1))).toBe(
        await labelOf(bucket, timezone, start),
      );
      expect(count).toBe(of?.count);
      for (const [name, value] of Object.entries(figures)) expect(Number(value)).toBeCloseTo(of?.[name], 5);
    }
    const edges = ms?.buckets.flatMap(({ from, to }) => [from, to]) ?? [];
    expect([edges[0], edges.at(-1)]).toEqual([range.from, range.to]);
    for (let at = 1; at < edges.length - 1; at += 2) expect(edges[at]).toEqual(edges[at + 1]);
    const total = [...wanted.values()].reduce((sum, { count }) => sum + count, 0);
    expect(ms?.total.count).toBe(total);
  });

  it('begins a day that has two midnights with the first', async () => {
    const range = period('2026-10-31T04:00:00Z', '2026-11-02T05:00:00Z');
    const asked = { metric: 'latency', period: range, bucket: 'day', timezone: 'America/Havana' };
    const [series] = (await performanceReport(sql, asked)).series;
    expect(series?.buckets.map(({ from }) => from.toISOString())).toEqual([
      '2026-10-31T04:00:00.000Z',
      '2026-11-01T04:00:00.000Z',
    ]);
  });

  it('fills buckets without figures, and answers where nothing was measured at all', async () => {
    await admin.query(
      `insert into performance_metrics (metric, value, unit, "timestamp")
       values ('latency', 1.5, 'ms', '2026-01-02T12:00:00Z'), ('latency', 2.5, 'ms', '2026-01-02T13:00:00Z')`,
    );
    const range = period('2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z');
    const [ms] = (await performanceReport(sql, { metric: 'latency', period: range, bucket: 'day' })).series;
    const empty = { count: 0, mean: null, p50: null, p95: null, p99: null, min: null, max: null };
    const full = { count: 2, mean: '2', p50: '2', p95: '2.45', p99: '2.49', min: '1.5', max: '2.5' };
    expect(ms).toEqual({
      unit: 'ms',
      total: full,
      buckets: [
        { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-01-02T00:00:00Z'), ...empty },
        { from: new Date('2026-01-02T00:00:00Z'), to: new Date('2026-01-03T00:00:00Z'), ...full },
        { from: new Date('2026-01-03T00:00:00Z'), to: new Date('2026-01-04T00:00:00Z'), ...empty },
      ],
    });
    const none = await performanceReport(sql, { metric: 'nothing', period: range, bucket: 'day' });
    expect(none.series).toHaveLength(1);
    expect(none.series[0]).toMatchObject({ unit: null, total: empty });
    expect(none.series[0]?.buckets.map(({ count }) => count)).toEqual([0, 0, 0]);
  });

  it('keeps units apart, the most measured first, and takes those of one unit or with certain tags', async () => {
    const range = period('2026-01-01T00:00:00Z', '2026-01-03T00:00:00Z');
    await measure(range.from, range.to);
    const ask = async (more: object) =>
      (await performanceReport(sql, { metric: 'latency', period: range, bucket: 'day', ...more })).series.map(
        ({ unit, total }) => [unit, total.count],
      );
    const count = async (where: string) =>
      Number(
        (
          await admin.query(
            `select count(*) from performance_metrics
             where "timestamp" >= $1 and "timestamp" < $2 and ${where}`,
            [range.from, range.to],
          )
        ).rows[0].count,
      );
    const ms = await count(`unit = 'ms'`);
    const s = await count(`unit = 's'`);
    expect(await ask({})).toEqual([
      ['ms', ms],
      ['s', s],
    ]);
    expect(await ask({ unit: 's' })).toEqual([['s', s]]);
    expect(await ask({ unit: 'ms', tags: { region: 'eu' } })).toEqual([
      ['ms', await count(`unit = 'ms' and tags @> '{"region": "eu"}'`)],
    ]);
    expect(await ask({ tags: { region: 'mars' } })).toEqual([[null, 0]]);
  });

  it('names every faulty argument at once', async () => {
    const faulty = {
      metric: ' ',
      period: period('2026-02-01T00:00:00Z', '2026-01-01T00:00:00Z'),
      bucket: 'day',
      timezone: '+02:00',
      tags: [1],
    };
    const failure = await performanceReport(sql, faulty).catch((error) => error);
    expect(failure).toBeInstanceOf(ValidationError);
    expect(failure.fields.map(({ path }: { path: string[] }) => path.join('.')).sort()).toEqual([
      'metric',
      'period.to',
      'tags',
      'timezone',
    ]);
  });

  it.each([
    ['Mars/Olympus', 'timezone'],
    ["UTC'; drop table performance_metrics; --", 'timezone'],
    ['CET', 'timezone'],
    ['', 'timezone'],
  ])('refuses the time zone %j', async (timezone, path) => {
    const range = period('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z');
    const failure = await performanceReport(sql, {
      metric: 'm',
      period: range,
      bucket: 'day',
      timezone,
    }).catch((error) => error);
    expect(failure.fields).toEqual([{ path: [path], message: expect.stringContaining('time zone') }]);
  });

  it('takes every time zone that it lets pass', async () => {
    const range = period('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z');
    const cities = Intl.supportedValuesOf('timeZone').filter((name) => name.includes('/'));
    expect(cities.length).toBeGreaterThan(300);
    for (const timezone of [...cities, 'UTC', 'Etc/GMT+5', 'Asia/Calcutta', 'europe/berlin']) {
      const { series } = await performanceReport(sql, {
        metric: 'm',
        period: range,
        bucket: 'day',
        timezone,
      });
      expect(series[0]?.buckets.length, timezone).toBeGreaterThanOrEqual(1);
    }
  });

  it('names a time zone that the database does not know', async () => {
    const range = period('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z');
    const ignorant: Sql = {
      query: () => Promise.reject(Object.assign(new Error('time zone not recognized'), { code: '22023' })),
    };
    const asked = { metric: 'm', period: range, bucket: 'day', timezone: 'Europe/Kyiv' };
    const failure = await performanceReport(ignorant, asked).catch((error) => error);
    expect(failure.fields).toEqual([{ path: ['timezone'], message: 'is not known to the database' }]);
  });

  it('refuses more buckets than a report may have', async () => {
    const range = period('1980-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
    const failure = await performanceReport(sql, { metric: 'm', period: range, bucket: 'hour' }).catch(
      (error) => error,
    );
    expect(failure.fields).toEqual([
      { path: ['period'], message: expect.stringContaining('at most 2400 buckets') },
    ]);
  });

  it('reads the figures of one metric in the period by an index', async () => {
    await admin.query(
      `insert into performance_metrics (metric, value, unit, "timestamp")
       select 'metric ' || n % 50, 1, 'ms', '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute'
       from generate_series(1, 50000) n`,
    );
    await admin.query('analyze performance_metrics');
    const { rows } = await admin.query(
      `explain select 1 from performance_metrics
       where metric = 'metric 7' and "timestamp" >= '2026-01-03Z' and "timestamp" < '2026-01-14Z'`,
    );
    expect(JSON.stringify(rows)).toContain('idx_performance_metrics_metric_timestamp');
  });
});
