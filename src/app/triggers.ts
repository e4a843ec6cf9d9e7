import type { PgBoss } from 'pg-boss';
import { createPureRunners } from '../modules/steps/pure-runners.ts';
import { hearEvent } from '../modules/workflows/jobs/hear-event.ts';
import { startDueSchedules } from '../modules/workflows/triggers/schedules.ts';
import type { ServiceDatabase } from '../platform/db/service.ts';
import { work } from '../platform/jobs/boss.ts';
import type { Logger } from '../platform/logger.ts';
import { createSandbox } from '../platform/sandbox/sandbox.ts';

/** Most events are looked at within milliseconds; a burst of them must not keep the database from the runs. */
const EVENTS_AT_ONCE = 2;

/** Has a process start workflows on events, and on time. */
export async function openTriggers(
  boss: PgBoss,
  { database, log }: { database: ServiceDatabase; log: Logger },
) {
  // Its process is started by the first event whose listener has conditions.
  const sandbox = createSandbox({ processes: 1 });
  const { conditions } = createPureRunners({ sandbox });
  const faultsHere = () => [];
  const listening = { database, holds: conditions.holds, faultsHere, log };
  await work(boss, hearEvent, listening, { concurrency: EVENTS_AT_ONCE, log });
  return {
    startDue: (signal: AbortSignal) => startDueSchedules({ database, faultsHere, log }, signal),
    close: () => sandbox.close(),
  };
}
