import type { ServiceDatabase } from '../../../platform/db/service.ts';
import type { Sql } from '../../../platform/db/sql.ts';
import { messageOf } from '../../../platform/errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import { triggerConfigs } from '../definition/trigger.ts';
import { loadWorkflow } from '../engine/start.ts';
import type { FaultsHere } from '../run-service.ts';
import { nextDue, type Turn, turnOf } from './due.ts';
import { asRefusal, isTaken, startTriggered, TriggerRefusal } from './start.ts';

export type ScheduleDependencies = {
  database: Pick<ServiceDatabase, 'transaction'>;
  faultsHere: FaultsHere;
  log: Logger;
};

/** A schedule that is due, or whose next time is to be worked out, locked. */
type Claim = {
  workflowId: string;
  cron: string;
  timezone: string;
  missed: 'skip' | 'one';
  nextAt: Date | null;
  now: Date;
};

/** The workflow's row is locked first by whoever deletes it: skipping both, nobody waits for the other. */
const CLAIM = `
  select s.workflow_id as "workflowId", s.cron, s.timezone, s.missed, s.next_at as "nextAt", clock_timestamp() as now
  from runcast.workflow_schedules s join public.workflows w on w.id = s.workflow_id
  where (s.next_at is null or s.next_at <= now()) and s.workflow_id <> all ($1::uuid[])
  order by s.next_at nulls first limit 1
  for update of s skip locked for key share of w skip locked`;

const MOVE = `
  update runcast.workflow_schedules set
    next_at = $2::text::timestamptz, last_error = $3, last_at = coalesce($4, last_at),
    last_execution_id = coalesce($5, last_execution_id)
  where workflow_id = $1`;

type Outcome = {
  next: Date | undefined;
  error?: string | undefined;
  started?: { at: Date; executionId: string } | undefined;
};

/**
 * Starts what is due by now, each in a transaction of its own that moves its schedule on as well; any number of workers may
 * do so at once. What cannot be started is said in the schedule's `last_error`, and it goes on with its next time.
 */
export async function startDueSchedules(deps: ScheduleDependencies, signal?: AbortSignal): Promise<void> {
  const failed: string[] = [];
  while (!signal?.aborted) {
    let claim: Claim | undefined;
    try {
      claim = await deps.database.transaction(async (sql) => {
        [claim] = await sql.query<Claim>(CLAIM, [failed]);
        if (claim) await move(sql, claim, await taken(sql, claim, deps));
        return claim;
      });
      if (!claim) return;
    } catch (error) {
      // Nothing was claimed, or nothing is known to be wrong with what was: the next round tries it again.
      if (!claim) throw error;
      failed.push(claim.workflowId);
      await deps.database.transaction((sql) => moveAfterFailure(sql, claim as Claim, error, deps));
    }
  }
}

async function taken(sql: Sql, claim: Claim, { faultsHere }: ScheduleDependencies): Promise<Outcome> {
  const { workflowId, nextAt, now } = claim;
  const schedule = { ...claim, seed: workflowId };
  let turn: Turn;
  try {
    assertReadable(claim);
    if (nextAt === null) return { next: nextDue(schedule, now) };
    turn = turnOf(schedule, nextAt, now);
  } catch (error) {
    return { next: undefined, error: `The schedule cannot be read: ${messageOf(error)}` };
  }
  const { starts, next } = turn;
  if (!starts)
    return { next, error: `Nobody worked at ${nextAt.toISOString()}: nothing was started for it.` };
  try {
    const executionId = await start(sql, workflowId, nextAt, faultsHere);
    return { next, started: { at: nextAt, executionId } };
  } catch (error) {
    if (!(error instanceof TriggerRefusal)) throw error;
    return { next, error: error.message };
  }
}

/** Rows that other programs wrote were checked by nobody, and the parser takes less than five fields, and more. */
function assertReadable({ cron, timezone }: Claim): void {
  const { error } = triggerConfigs.schedule.safeParse({ cron, timezone });
  const [fault] = error?.issues ?? [];
  if (fault) throw new RangeError(`${fault.path.join('.')} ${fault.message}`);
}

async function start(sql: Sql, workflowId: string, due: Date, faultsHere: FaultsHere): Promise<string> {
  const workflow = await loadWorkflow(sql, workflowId);
  if (!workflow) throw new TriggerRefusal('DISABLED', 'There is no such workflow any more.');
  const dueAt = due.toISOString();
  const run = {
    workflow,
    input: { scheduledAt: dueAt },
    idempotencyKey: `schedule:${workflowId}:${dueAt}`,
    metadata: { trigger: 'schedule', dueAt },
  };
  return await startTriggered(sql, run, faultsHere);
}

async function move(sql: Sql, { workflowId }: Claim, { next, error, started }: Outcome): Promise<void> {
  await sql.query(MOVE, [
    workflowId,
    next?.toISOString() ?? 'infinity',
    error ?? null,
    started?.at ?? null,
    started?.executionId ?? null,
  ]);
}

/** The transaction of the start is over, so this is another: only where the schedule is still as it was. */
async function moveAfterFailure(sql: Sql, claim: Claim, error: unknown, deps: ScheduleDependencies) {
  const refusal = isTaken(error) ? undefined : asRefusal(error);
  const { workflowId, nextAt, now } = claim;
  if (refusal?.code === 'FAILED') deps.log.error({ err: error, workflowId }, 'a schedule started nothing');
  const [same] = await sql.query(
    `select 1 as one from runcast.workflow_schedules
     where workflow_id = $1 and date_trunc('milliseconds', next_at) = $2 for update`,
    [workflowId, nextAt],
  );
  if (!same || nextAt === null) return;
  const { next } = turnOf({ ...claim, seed: workflowId }, nextAt, now);
  await move(sql, claim, { next, error: refusal?.message });
}
