import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketsOf, loadCalendar } from '../../src/graphql/calendar.ts';
import type { TimeBucket } from '../../src/graphql/time-buckets.ts';
import type { Sql } from '../../src/platform/db/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { sqlOver } from '../support/sql.ts';

describe('loadCalendar', () => {
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

  const calendar = async (bucket: TimeBucket, timezone: string, from: string, to: string) => {
    const period = { from: new Date(from), to: new Date(to) };
    const found = await loadCalendar(sql, { period, bucket, timezone });
    return {
      previousFrom: found.previousFrom.toISOString(),
      buckets: bucketsOf(found, period).map((span) => [span.from.toISOString(), span.to.toISOString()]),
    };
  };

  it('cuts the first and the last bucket off where the period begins and ends', async () => {
    expect(await calendar('day', 'UTC', '2026-03-01T06:00Z', '2026-03-03T18:00Z')).toEqual({
      previousFrom: '2026-02-26T18:00:00.000Z',
      buckets: [
        ['2026-03-01T06:00:00.000Z', '2026-03-02T00:00:00.000Z'],
        ['2026-03-02T00:00:00.000Z', '2026-03-03T00:00:00.000Z'],
        ['2026-03-03T00:00:00.000Z', '2026-03-03T18:00:00.000Z'],
      ],
    });
  });

  it('has one bucket for a period within one', async () => {
    const { buckets } = await calendar('month', 'UTC', '2026-03-05T00:00Z', '2026-03-06T00:00Z');
    expect(buckets).toEqual([['2026-03-05T00:00:00.000Z', '2026-03-06T00:00:00.000Z']]);
  });

  // On Samoa 29 December 2011 was followed by the 31st.
  it.each([
    ['from the day before it', '2011-12-29T10:00Z', '2012-01-01T10:00Z', 3, '2011-12-26T10:00:00.000Z'],
    ['from the day after it', '2011-12-30T10:00Z', '2011-12-31T10:00Z', 1, '2011-12-29T10:00:00.000Z'],
    ['two days from it', '2011-12-31T10:00Z', '2012-01-02T10:00Z', 2, '2011-12-29T10:00:00.000Z'],
  ])('leaves out a day that never was, %s', async (_when, from, to, days, previousFrom) => {
    const found = await calendar('day', 'Pacific/Apia', from, to);
    expect(found.previousFrom).toBe(previousFrom);
    expect(found.buckets).toHaveLength(days);
    for (const [begin = '', end = ''] of found.buckets) {
      expect(Date.parse(end) - Date.parse(begin)).toBe(24 * 3_600_000);
    }
  });
});
