import { CronExpressionParser } from 'cron-parser';

/** When a schedule is due: `cron` as the trigger has it, on a clock that hangs in `timezone`. */
export type Schedule = {
  cron: string;
  timezone: string;
  /** What an H in the expression stands for is decided by it, the same every time: the workflow's id. */
  seed: string;
};

/**
 * The first time after another one. Of an hour that summer time leaves out the times come an hour later; an hour that there
 * is twice counts once, unless every hour is meant.
 *
 * @throws where the expression or the time zone cannot be read
 */
export function nextDue({ cron, timezone, seed }: Schedule, after: Date): Date {
  const options = { currentDate: after, tz: timezone, hashSeed: seed, strict: false };
  return CronExpressionParser.parse(cron, options).next().toDate();
}

/** A worker that is late by no more than that has not missed anything. */
export const GRACE_MS = 60_000;

export type Turn = {
  /** Whether a run is started for the time that was due. */
  starts: boolean;
  next: Date;
};

/**
 * What becomes of a time that was due, now. Times older than the grace are missed: none of them starts anything, or all of
 * them start one run together.
 */
export function turnOf(schedule: Schedule & { missed: 'skip' | 'one' }, due: Date, now: Date): Turn {
  if (now.getTime() - due.getTime() <= GRACE_MS) return { starts: true, next: nextDue(schedule, due) };
  if (schedule.missed === 'one') return { starts: true, next: nextDue(schedule, now) };
  // What was due within the grace is on time yet.
  return { starts: false, next: nextDue(schedule, new Date(now.getTime() - GRACE_MS)) };
}
