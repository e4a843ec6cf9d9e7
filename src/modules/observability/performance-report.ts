import { z } from 'zod';
import { bucketsOf, loadCalendar } from '../../graphql/calendar.ts';
import {
  type TimeBucket,
  type TimePeriod,
  timeBucket,
  timePeriod,
  timezone,
  usualBuckets,
} from '../../graphql/time-buckets.ts';
import { absent, jsonObject, text, validated } from '../../graphql/validation.ts';
import type { Sql } from '../../platform/db/sql.ts';

/** Decimals as text. All but the count are null where nothing was measured. */
export type PerformanceFigures = {
  count: number;
  mean: string | null;
  p50: string | null;
  p95: string | null;
  p99: string | null;
  min: string | null;
  max: string | null;
};

export type PerformanceSeries = {
  unit: string | null;
  total: PerformanceFigures;
  buckets: (PerformanceFigures & TimePeriod)[];
};

export type PerformanceReport = {
  metric: string;
  period: TimePeriod;
  bucket: TimeBucket;
  timezone: string;
  series: PerformanceSeries[];
};

/** A report is about one unit or two; more are somebody's mistake, and each is a row a bucket. */
const MAX_UNITS = 10;

/** A hundred days of hours. More is not looked at, and would be made for nothing. */
export const MAX_BUCKETS = 2_400;

const reportArguments = z
  .object({
    metric: text(100),
    period: timePeriod,
    bucket: timeBucket,
    timezone,
    unit: text(20).nullish().transform(absent),
    tags: jsonObject.nullish().transform(absent),
  })
  .refine(({ period, bucket }) => usualBuckets(period, bucket) <= MAX_BUCKETS, {
    path: ['period'],
    error: `must hold at most ${MAX_BUCKETS} buckets: take a shorter period or a longer bucket`,
  });

/**
 * Figures of different units do not add up: each unit is a series of its own, the most measured one first. Slot 0 is the
 * whole period, the others its buckets, whose beginnings are $4.
 */
const REPORT = `
  with measured as (
    select unit, value, width_bucket("timestamp", $4::timestamptz[]) as slot
    from public.performance_metrics
    where metric = $1 and "timestamp" >= $2::timestamptz and "timestamp" < $3::timestamptz
      and ($5::text is null or unit = $5::text) and ($6::jsonb is null or tags @> $6::jsonb)),
  figures as (
    select unit, coalesce(slot, 0) as slot, count(*) as count, avg(value) as mean,
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by value::float8) as percentiles,
      min(value) as min, max(value) as max
    from measured group by grouping sets ((unit), (unit, slot))),
  units as (
    (select unit, count from figures where slot = 0 order by count desc, unit limit ${MAX_UNITS})
    union all select null, 0 where not exists (select from figures))
  select u.unit, slot,
    coalesce(f.count, 0)::float8 as count,
    trim_scale(round(f.mean, 6))::text as mean,
    trim_scale(round(f.percentiles[1]::numeric, 6))::text as p50,
    trim_scale(round(f.percentiles[2]::numeric, 6))::text as p95,
    trim_scale(round(f.percentiles[3]::numeric, 6))::text as p99,
    trim_scale(f.min)::text as min, trim_scale(f.max)::text as max
  from units u cross join generate_series(0, cardinality($4::timestamptz[])) slot
  left join figures f using (unit, slot)
  order by u.count desc, u.unit, slot`;

type Row = PerformanceFigures & { unit: string | null; slot: number };

/**
 * What a metric's figures were, aggregated by the database, a bucket without any among them.
 *
 * @throws {ValidationError} with every faulty argument at once
 */
export async function performanceReport(sql: Sql, raw: unknown): Promise<PerformanceReport> {
  const { metric, period, bucket, timezone, unit, tags } = validated(reportArguments, raw, []);
  const calendar = await loadCalendar(sql, { period, bucket, timezone });
  const spans = bucketsOf(calendar, period);
  const wanted = tags === undefined ? null : JSON.stringify(tags);
  const values = [metric, period.from, period.to, calendar.starts, unit ?? null, wanted];
  const rows = await sql.query<Row>(REPORT, values);
  const series = rows.flatMap((total) => {
    if (total.slot !== 0) return [];
    const buckets = rows.flatMap((row) => {
      const span = spans[row.slot - 1];
      return row.unit === total.unit && span !== undefined ? [{ ...span, ...figuresOf(row) }] : [];
    });
    return [{ unit: total.unit, total: figuresOf(total), buckets }];
  });
  return { metric, period, bucket, timezone, series };
}

function figuresOf({ count, mean, p50, p95, p99, min, max }: Row): PerformanceFigures {
  return { count, mean, p50, p95, p99, min, max };
}
