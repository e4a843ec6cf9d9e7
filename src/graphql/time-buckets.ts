import { z } from 'zod';
import { builder } from './builder.ts';

/** What reports are cut into. The names are those of Postgres's date_trunc. */
export const TIME_BUCKETS = {
  hour: 'Hours.',
  day: 'Days, from midnight to midnight in the report’s time zone: 23 or 25 hours where clocks change.',
  week: 'Weeks, from Monday.',
  month: 'Calendar months.',
} as const;

export type TimeBucket = keyof typeof TIME_BUCKETS;

const HOUR_MS = 3_600_000;
const SHORTEST_MS: Record<TimeBucket, number> = {
  hour: HOUR_MS,
  day: 23 * HOUR_MS,
  week: (7 * 24 - 1) * HOUR_MS,
  month: (28 * 24 - 1) * HOUR_MS,
};

/** A hundred days of hours. More is not looked at, and would be made for nothing. */
export const MAX_BUCKETS = 2_400;

export const TimeBucketEnum = builder.enumType('TimeBucket', {
  description: 'What the time of a report is cut into.',
  values: Object.fromEntries(
    Object.entries(TIME_BUCKETS).map(([value, description]) => [
      value.toUpperCase(),
      { value: value as TimeBucket, description },
    ]),
  ),
});

export const TimePeriodInput = builder.inputType('TimePeriod', {
  description: 'A span of time, with its beginning and without its end.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', required: true, description: 'Its first moment.' }),
    to: t.field({
      type: 'DateTime',
      required: true,
      description: 'The first moment after it; later than `from`.',
    }),
  }),
});

const OLDEST = new Date('1970-01-01T00:00:00Z');
const NEWEST = new Date('2200-01-01T00:00:00Z');
const OUT_OF_RANGE = 'must lie between the years 1970 and 2200';
const moment = z.date({ error: 'must be a moment' }).min(OLDEST, OUT_OF_RANGE).max(NEWEST, OUT_OF_RANGE);

export const timePeriod = z
  .object({ from: moment, to: moment })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be later than from' });

export type TimePeriod = z.infer<typeof timePeriod>;

export const timeBucket = z.enum(Object.keys(TIME_BUCKETS) as [TimeBucket, ...TimeBucket[]]);

/**
 * By its area and city. Postgres reads the sign of an offset such as +02:00 the other way round, and takes names such as
 * CET for a fixed offset.
 */
export const timezone = z
  .string()
  .refine(isTimezone, 'must be the name of a time zone, such as Europe/Berlin or UTC')
  .nullish()
  .transform((name) => name ?? 'UTC');

/** Whether a period has no more buckets than a report may have. */
export function isWithinBuckets({ from, to }: TimePeriod, bucket: TimeBucket): boolean {
  return (to.getTime() - from.getTime()) / SHORTEST_MS[bucket] <= MAX_BUCKETS;
}

/** To be refined with `isWithinBuckets`. */
export const tooManyBuckets = {
  path: ['period'],
  error: `must hold at most ${MAX_BUCKETS} buckets: take a shorter period or a longer bucket`,
};

/** Every bucket is met at least once by steps of that length, whatever clocks do. */
const STEPS = `case $bucket when 'hour' then interval '30 minutes' when 'day' then interval '12 hours'
  when 'week' then interval '3 days' else interval '14 days' end`;

/**
 * A subselect of one column, `start`: the beginning of every bucket that a period touches, to be joined with
 * `date_trunc(bucket, moment, timezone)`, so that buckets without anything are there too. The first may begin
 * before the period does. Made from real moments, since steps of local time meet an hour twice, or never,
 * where clocks change.
 *
 * @param parameters expressions of the statement, e.g. `$1::timestamptz`
 */
export function bucketStarts(parameters: {
  from: string;
  to: string;
  bucket: string;
  timezone: string;
}): string {
  const { from, to, bucket, timezone } = parameters;
  const last = `${to} - interval '1 microsecond'`;
  return `(
    select distinct date_trunc(${bucket}, at, ${timezone}) as start
    from (
      select generate_series(${from}, ${last}, ${STEPS.replace('$bucket', bucket)}) as at
      union all select ${last}) moments)`;
}

/**
 * When a bucket of `bucketStarts` really begins. Where clocks go back across midnight, as in Havana, a day has two, and
 * date_trunc takes the second, when the day is an hour old.
 */
export function beginningOf(start: string, bucket: string, timezone: string): string {
  const earlier = `${start} - interval '1 hour'`;
  return `case when ${bucket} <> 'hour' and (${earlier}) at time zone ${timezone} = ${start} at time zone ${timezone}
    then ${earlier} else ${start} end`;
}

function isTimezone(name: string): boolean {
  if (name !== 'UTC' && !/^[A-Za-z]+(\/[\w+-]+)+$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
