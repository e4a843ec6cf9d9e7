import type { PgBoss } from 'pg-boss';
import type { Conditions } from '../modules/steps/conditions.ts';
import { hearEvent } from '../modules/workflows/jobs/hear-event.ts';
import type { FaultsHere } from '../modules/workflows/run-service.ts';
import { startDueSchedules } from '../modules/workflows/triggers/schedules.ts';
import type { ServiceDatabase } from '../platform/db/service.ts';
import { work } from '../platform/jobs/boss.ts';
import type { Logger } from '../platform/logger.ts';

/** Most events are looked at within milliseconds; a burst of them must not keep the database from the runs. */
const EVENTS_AT_ONCE = 2;

/** Has a process start workflows on events, and on time. */
export async function openTriggers(
  boss: PgBoss,
  given: { database: ServiceDatabase; holds: Conditions['holds']; faultsHere: FaultsHere; log: Logger },
) {
  await work(boss, hearEvent, given, { concurrency: EVENTS_AT_ONCE, log: given.log });
  return { startDue: (signal: AbortSignal) => startDueSchedules(given, signal) };
}
