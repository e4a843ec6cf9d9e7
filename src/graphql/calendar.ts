import type { Sql } from '../platform/db/sql.ts';
import { codeOf } from '../platform/errors.ts';
import { ValidationError } from './errors.ts';
import type { TimeBucket, TimePeriod } from './time-buckets.ts';

/** When each bucket of a period begins, and the period before, in a time zone's own calendar. */
export type Calendar = {
  /**
   * In order, to be met by `width_bucket(moment, starts)`, which counts from 1. The first is the period's beginning, also
   * within an hour, day, week or month; the last bucket ends with the period.
   */
  starts: Date[];
  /** When the period before begins; it ends where the period begins. */
  previousFrom: Date;
};

const UNKNOWN_TIMEZONE = '22023';

/**
 * @throws {ValidationError} at `timezone` where Postgres does not know it: its list may be older than Node's
 */
export async function loadCalendar(
  sql: Sql,
  asked: { period: TimePeriod; bucket: TimeBucket; timezone: string },
): Promise<Calendar> {
  const { period, bucket, timezone } = asked;
  const text = bucket === 'hour' ? HOURS_OF_PERIOD : UNITS_OF_PERIOD;
  const values = [period.from, period.to, timezone, ...(bucket === 'hour' ? [] : [bucket])];
  const rows = await sql.query<Calendar>(text, values).catch((error) => {
    if (codeOf(error) !== UNKNOWN_TIMEZONE) throw error;
    throw new ValidationError([{ path: ['timezone'], message: 'is not known to the database' }]);
  });
  const [row] = rows;
  if (row === undefined) throw new Error('A calendar is one row.');
  return row;
}

/** Buckets from a calendar, each with where it begins and ends. */
export function bucketsOf({ starts }: Calendar, { to }: TimePeriod): TimePeriod[] {
  return starts.map((from, at) => ({ from, to: starts[at + 1] ?? to }));
}

/** Hours begin where the local clock shows a full one, which is a quarter of an hour of UTC in every time zone. */
const HOURS_OF_PERIOD = `
  select array[$1::timestamptz] || array(
      select hour
      from generate_series(date_bin('15 minutes', $1::timestamptz, '2000-01-01Z'), $2::timestamptz, '15 minutes') hour
      where hour > $1::timestamptz and hour < $2::timestamptz and extract(minute from hour at time zone $3) = 0
      order by 1) as starts,
    $1::timestamptz - ($2::timestamptz - $1::timestamptz) as "previousFrom"`;

/**
 * The moment when a time zone's clock first shows a local time. Where clocks are set back across midnight (the Azores,
 * Havana) it does so twice, and Postgres takes the second, when the day is an hour old.
 */
const firstOf = (local: string) => `
  case when ((${local}) at time zone $3 - interval '1 hour') at time zone $3 = (${local})
    then (${local}) at time zone $3 - interval '1 hour' else (${local}) at time zone $3 end`;

/**
 * The period before a whole number of buckets is as many of them, so that February is compared with January and a day of
 * 23 hours with the day before; before any other it is as long. A day that a country left out, as Samoa did on 30
 * December 2011, begins where the next one does, and is no bucket.
 */
const UNITS_OF_PERIOD = `
  with step as (select ('1 ' || $4::text)::interval as step),
  units as (
    select max(local) as local, at
    from (
      select local, ${firstOf('local')} as at
      from step, generate_series(
        date_trunc($4, $1::timestamptz at time zone $3), ($2::timestamptz at time zone $3) + step, step) local) locals
    group by at
  ), starts as (
    select array[$1::timestamptz] || array(
      select at from units where at > $1::timestamptz and at < $2::timestamptz order by 1) as starts
  ), before as (
    select distinct ${firstOf('u.local - back * step')} as at
    from units u, starts s, step, generate_series(1, cardinality(s.starts) + 1) back
    where u.at = $1::timestamptz and exists (select from units e where e.at = $2::timestamptz)
  )
  select starts, coalesce(
    (select at from before where at < $1::timestamptz order by at desc offset cardinality(starts) - 1 limit 1),
    $1::timestamptz - ($2::timestamptz - $1::timestamptz)) as "previousFrom"
  from starts`;
