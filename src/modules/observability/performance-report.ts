import { z } from 'zod';
import { ValidationError } from '../../graphql/errors.ts';
import {
  beginningOf,
  bucketStarts,
  isWithinBuckets,
  type TimeBucket,
  timeBucket,
  timePeriod,
  timezone,
  tooManyBuckets,
} from '../../graphql/time-buckets.ts';
import { absent, jsonObject, text, validated } from '../../graphql/validation.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { codeOf } from '../../platform/errors.ts';

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
  buckets: (PerformanceFigures & { start: Date })[];
};

export type PerformanceReport = {
  metric: string;
  from: Date;
  to: Date;
  bucket: TimeBucket;
  timezone: string;
  series: PerformanceSeries[];
};

/** A report is about one unit or two; more are somebody's mistake, and each is a row a bucket. */
const MAX_UNITS = 10;

const reportArguments = z
  .object({
    metric: text(100),
    period: timePeriod,
    bucket: timeBucket,
    timezone,
    unit: text(20).nullish().transform(absent),
    tags: jsonObject.nullish().transform(absent),
  })
  .refine(({ period, bucket }) => isWithinBuckets(period, bucket), tooManyBuckets);

/** Figures of different units do not add up: each unit is a series of its own, the most measured one first. */
const REPORT = `
  with measured as (
    select unit, value, date_trunc($4::text, "timestamp", $5::text) as start
    from public.performance_metrics
    where metric = $1 and "timestamp" >= $2::timestamptz and "timestamp" < $3::timestamptz
      and ($6::text is null or unit = $6::text) and ($7::jsonb is null or tags @> $7::jsonb)),
  figures as (
    select unit, start, grouping(start) = 1 as is_total, count(*) as count, avg(value) as mean,
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by value::float8) as percentiles,
      min(value) as min, max(value) as max
    from measured group by grouping sets ((unit), (unit, start))),
  units as (
    (select unit, count from figures where is_total order by count desc, unit limit ${MAX_UNITS})
    union all select null, 0 where not exists (select from figures)),
  slots as (
    select null::timestamptz as start, true as is_total
    union all
    select start, false
    from ${bucketStarts({ from: '$2::timestamptz', to: '$3::timestamptz', bucket: '$4::text', timezone: '$5::text' })} b)
  select u.unit, ${beginningOf('s.start', '$4::text', '$5::text')} as start,
    coalesce(f.count, 0)::float8 as count,
    trim_scale(round(f.mean, 6))::text as mean,
    trim_scale(round(f.percentiles[1]::numeric, 6))::text as p50,
    trim_scale(round(f.percentiles[2]::numeric, 6))::text as p95,
    trim_scale(round(f.percentiles[3]::numeric, 6))::text as p99,
    trim_scale(f.min)::text as min, trim_scale(f.max)::text as max
  from units u cross join slots s
  left join figures f on f.unit = u.unit and f.is_total = s.is_total and f.start is not distinct from s.start
  order by u.count desc, u.unit, s.start nulls first`;

/** Without a start: the whole period. */
type Row = PerformanceFigures & { unit: string | null; start: Date | null };

/**
 * What a metric's figures were, aggregated by the database, a bucket without any among them.
 *
 * @throws {ValidationError} with every faulty argument at once
 */
export async function performanceReport(sql: Sql, raw: unknown): Promise<PerformanceReport> {
  const { metric, period, bucket, timezone, unit, tags } = validated(reportArguments, raw, []);
  const wanted = tags === undefined ? null : JSON.stringify(tags);
  const values = [metric, period.from, period.to, bucket, timezone, unit ?? null, wanted];
  const rows = await inKnownTimezone(sql.query<Row>(REPORT, values));
  const series = rows.flatMap((total) => {
    if (total.start !== null) return [];
    const buckets = rows.flatMap((row) =>
      row.unit === total.unit && row.start !== null ? [{ start: row.start, ...figuresOf(row) }] : [],
    );
    return [{ unit: total.unit, total: figuresOf(total), buckets }];
  });
  return { metric, ...period, bucket, timezone, series };
}

function figuresOf({ count, mean, p50, p95, p99, min, max }: Row): PerformanceFigures {
  return { count, mean, p50, p95, p99, min, max };
}

const UNKNOWN_TIMEZONE = '22023';

/** The database's list of time zones may be older than ours. */
async function inKnownTimezone<T>(query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    if (codeOf(error) !== UNKNOWN_TIMEZONE) throw error;
    throw new ValidationError([{ path: ['timezone'], message: 'is not known to the database' }]);
  }
}
