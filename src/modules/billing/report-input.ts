import { z } from 'zod';
import { absent, keysOf, oneOf, uuidOf } from '../../graphql/validation.ts';
import { METRICS } from './vocabulary.ts';

/** Groups times buckets: some 2 MB of JSON. */
export const MAX_POINTS = 20_000;

/** Before, some timezones were no multiple of 15 minutes away from UTC, which is how fine sums are kept. */
const EARLIEST = new Date('1973-01-01T00:00:00Z');
const LATEST = new Date('2200-01-01T00:00:00Z');

export const BUCKETS = {
  hour: 'Hours: 25 on the day that ends daylight-saving time, 23 on the day that begins it.',
  day: 'Days, from midnight to midnight.',
  week: 'Weeks, from Monday to Sunday.',
  month: 'Calendar months.',
} as const;

export type Bucket = keyof typeof BUCKETS;

export const GROUPINGS = {
  metric: 'A group for each metric.',
  user: 'A group for each account that used something.',
  tenant: 'A group for each tenant that is charged, and one for what none is.',
} as const;

export type Grouping = keyof typeof GROUPINGS;

const HOURS: Readonly<Record<Bucket, number>> = { hour: 1, day: 24, week: 168, month: 730 };
const HOUR_MS = 3_600_000;

const moment = z
  .date({ error: 'must be a moment' })
  .min(EARLIEST, `must not be before ${EARLIEST.toISOString()}`)
  .max(LATEST, `must not be after ${LATEST.toISOString()}`);

const period = z
  .object({ from: moment, to: moment })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be after `from`: the period is empty' });

const timezone = z
  .string()
  .refine(isTimezone, 'must be an IANA timezone such as Europe/Berlin, or UTC')
  .nullish()
  .transform((name) => name ?? 'UTC');

const grouping = z.enum([...keysOf(GROUPINGS), ...keysOf(BUCKETS)]);

export const reportInput = z
  .object({
    period,
    tenantId: uuidOf('Tenant').nullish().transform(absent),
    metrics: z
      .array(z.enum([...keysOf(METRICS), 'unknown']))
      .nullish()
      .transform(absent),
    groupBy: z
      .array(grouping)
      .nullish()
      .transform((all) => [...new Set(all ?? ['metric' as const])]),
    bucket: oneOf(BUCKETS).nullish().transform(absent),
    timezone,
  })
  .refine((asked) => units(asked).length < 2, {
    path: ['groupBy'],
    error: 'must hold one length of buckets at most, and the same as `bucket`',
  })
  .transform(({ groupBy, bucket, ...asked }) => ({
    ...asked,
    bucket: units({ groupBy, bucket })[0] ?? 'day',
    by: keysOf(GROUPINGS).filter((key) => groupBy.includes(key)),
  }))
  .superRefine(({ period: { from, to }, bucket }, context) => {
    const buckets = Math.floor((to.getTime() - from.getTime()) / (HOURS[bucket] * HOUR_MS));
    if (buckets > MAX_POINTS) {
      context.addIssue({ code: 'custom', path: ['period'], message: tooManyPoints(1, buckets, bucket) });
    }
  });

export type ReportInput = z.output<typeof reportInput>;

export function tooManyPoints(groups: number, buckets: number, bucket: Bucket): string {
  return (
    `has ${buckets} buckets by ${bucket}, for each of ${groups} group(s): more than ${MAX_POINTS} in all. ` +
    'Ask for a shorter period, longer buckets or fewer groups'
  );
}

function units({ groupBy, bucket }: { groupBy: readonly string[]; bucket: Bucket | undefined }): Bucket[] {
  const inGroups = keysOf(BUCKETS).filter((unit) => groupBy.includes(unit));
  return [...new Set([...inGroups, ...(bucket ? [bucket] : [])])];
}

/**
 * By its area and city. Postgres takes names such as CET for a fixed offset, and offsets of any number of minutes, which
 * are no places where anybody's day begins.
 */
function isTimezone(name: string): boolean {
  if (name === 'UTC') return true;
  if (!/^[A-Za-z]+(\/[A-Za-z0-9_+-]+)+$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
