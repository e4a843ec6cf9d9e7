import { z } from 'zod';
import { builder } from './builder.ts';
import { plainEnum } from './stored-enum.ts';
import { oneOf } from './validation.ts';

/** What reports are cut into. The names are those of Postgres's date_trunc. */
export const TIME_BUCKETS = {
  hour: 'Hours, from one full hour on the clock to the next: 25 on the day that ends daylight saving, 23 on the day that begins it.',
  day: 'Days, from midnight to midnight: 23 or 25 hours where clocks change.',
  week: 'Weeks, from Monday.',
  month: 'Calendar months.',
} as const;

export type TimeBucket = keyof typeof TIME_BUCKETS;

export const TimeBucketEnum = plainEnum(
  'TimeBucket',
  'What the time of a report is cut into, by the calendar and clock of its time zone.',
  TIME_BUCKETS,
);

export const TimePeriodInput = builder.inputType('TimePeriod', {
  description: 'A span of time, with its beginning and without its end.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', required: true, description: 'Its first moment, from 1973 on.' }),
    to: t.field({
      type: 'DateTime',
      required: true,
      description: 'The first moment after it; later than `from`, and no later than 2200.',
    }),
  }),
});

/** A span of time as reports show it. */
export const TimeSpanRef = builder.objectRef<TimePeriod>('TimeSpan').implement({
  description: 'A span of time, with its beginning and without its end.',
  fields: (t) => ({
    from: t.expose('from', { type: 'DateTime', description: 'Its first moment.' }),
    to: t.expose('to', { type: 'DateTime', description: 'The first moment after it.' }),
  }),
});

export const ReportBucketRef = builder.interfaceRef<TimePeriod>('ReportBucket').implement({
  description:
    'One hour, day, week or month of a report, cut off where the period begins or ends within it: the first bucket begins ' +
    'with the period, the last one ends with it.',
  fields: (t) => ({
    from: t.expose('from', { type: 'DateTime', description: 'Its first moment.' }),
    to: t.expose('to', { type: 'DateTime', description: 'The first moment after it.' }),
  }),
});

export const TIMEZONE =
  'IANA name of the time zone whose clock and calendar say when buckets begin, e.g. Europe/Berlin; default: UTC.';

/** Before, some time zones were no multiple of 15 minutes away from UTC, which is how finely sums of usage are kept. */
const OLDEST = new Date('1973-01-01T00:00:00Z');
const NEWEST = new Date('2200-01-01T00:00:00Z');
const OUT_OF_RANGE = 'must lie between the years 1973 and 2200';
const moment = z.date({ error: 'must be a moment' }).min(OLDEST, OUT_OF_RANGE).max(NEWEST, OUT_OF_RANGE);

export const timePeriod = z
  .object({ from: moment, to: moment })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be later than `from`' });

export type TimePeriod = z.infer<typeof timePeriod>;

export const timeBucket = oneOf(TIME_BUCKETS);

/**
 * By its area and city. Postgres reads the sign of an offset such as +02:00 the other way round, and takes names such as
 * CET for a fixed offset.
 */
export const timezone = z
  .string()
  .refine(isTimezone, 'must be the name of a time zone, such as Europe/Berlin or UTC')
  .nullish()
  .transform((name) => name ?? 'UTC');

const HOUR_MS = 3_600_000;
const USUAL_MS: Readonly<Record<TimeBucket, number>> = {
  hour: HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
  month: 730 * HOUR_MS,
};

/** How many buckets a period has, told without a calendar: it may be a few more. For limits, before any are made. */
export function usualBuckets({ from, to }: TimePeriod, bucket: TimeBucket): number {
  return Math.floor((to.getTime() - from.getTime()) / USUAL_MS[bucket]);
}

function isTimezone(name: string): boolean {
  if (name === 'UTC') return true;
  if (!/^[A-Za-z]+(\/[\w+-]+)+$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
