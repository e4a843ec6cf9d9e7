import { z } from 'zod';
import {
  TIME_BUCKETS,
  type TimeBucket,
  timeBucket,
  timePeriod,
  timezone,
  usualBuckets,
} from '../../graphql/time-buckets.ts';
import { absent, keysOf, uuidOf } from '../../graphql/validation.ts';
import { METRICS } from './vocabulary.ts';

/** Groups times buckets: some 2 MB of JSON. */
export const MAX_POINTS = 20_000;

export const GROUPINGS = {
  metric: 'A group for each metric.',
  user: 'A group for each account that used something.',
  tenant: 'A group for each tenant that is charged, and one for what none is.',
} as const;

export type Grouping = keyof typeof GROUPINGS;

const grouping = z.enum([...keysOf(GROUPINGS), ...keysOf(TIME_BUCKETS)]);

export const reportInput = z
  .object({
    period: timePeriod,
    tenantId: uuidOf('Tenant').nullish().transform(absent),
    metrics: z
      .array(z.enum([...keysOf(METRICS), 'unknown']))
      .nullish()
      .transform(absent),
    groupBy: z
      .array(grouping)
      .nullish()
      .transform((all) => [...new Set(all ?? ['metric' as const])]),
    bucket: timeBucket.nullish().transform(absent),
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
  .superRefine(({ period, bucket }, context) => {
    const buckets = usualBuckets(period, bucket);
    if (buckets > MAX_POINTS) {
      context.addIssue({ code: 'custom', path: ['period'], message: tooManyPoints(1, buckets, bucket) });
    }
  });

export type ReportInput = z.output<typeof reportInput>;

export function tooManyPoints(groups: number, buckets: number, bucket: TimeBucket): string {
  return (
    `has ${buckets} buckets by ${bucket}, for each of ${groups} group(s): more than ${MAX_POINTS} in all. ` +
    'Ask for a shorter period, longer buckets or fewer groups'
  );
}

function units({
  groupBy,
  bucket,
}: {
  groupBy: readonly string[];
  bucket: TimeBucket | undefined;
}): TimeBucket[] {
  const inGroups = keysOf(TIME_BUCKETS).filter((unit) => groupBy.includes(unit));
  return [...new Set([...inGroups, ...(bucket ? [bucket] : [])])];
}
