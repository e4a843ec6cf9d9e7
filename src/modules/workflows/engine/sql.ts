import type { Sql } from '../../../platform/db/sql.ts';
import { refusals } from '../../../platform/feed/errors.ts';
import { storableJson } from '../../../platform/feed/events.ts';
import { feedHintText } from '../../../platform/live/hint-source.ts';
import type { Plan, PlannedStep } from './plan.ts';

/**
 * The engine's functions in the database, migrations-sql/20261128000100_workflow_engine.sql and the two after it. Each is
 * one transaction that holds the lock of its execution; readers of the feed are told of it where that is not the database's
 * to do.
 */

/** Names one run of a step. */
export type StepRunRef = { executionId: string; stepRunId: string };

/** What a worker is given with a step's run. */
export type TakenStep = {
  /** Fences the worker's writes. */
  attempt: number;
  stepId: string;
  step: PlannedStep;
  vars: Record<string, unknown>;
  /** The iterations of loops that it is within. */
  path: string;
  /** Why its last try failed. */
  error: StepFault | null;
  /** Whether all tries are used up and an agent takes over. */
  usesFallback: boolean;
  input: unknown;
  state: unknown;
  userId: string;
  tenantId: string | null;
};

export type StepFault = { message: string; name?: string; code?: string };

/** What became of a step's run. Times are in milliseconds. */
export type Settlement =
  | { outcome: 'completed'; output: unknown }
  | { outcome: 'failed'; error: StepFault; final?: boolean; retryAfterMs?: number | undefined }
  | { outcome: 'branch'; holds: boolean }
  | { outcome: 'loop'; items: readonly unknown[]; parallelism: number }
  | {
      outcome: 'approval';
      prompt: string;
      required: boolean;
      assignTo?: string | undefined;
      timeoutMs?: number | undefined;
    }
  | { outcome: 'child'; timeoutMs?: number | undefined };

/** @returns undefined where there is nothing to run: another job has taken it, or the execution is paused or over */
export async function takeStep(
  sql: Sql,
  { executionId, stepRunId, jobId, worker }: StepRunRef & { jobId: string; worker: string },
): Promise<TakenStep | undefined> {
  const taken = await call<TakenStep | null>(sql, executionId, 'runcast.take_step($1, $2, $3, $4)', [
    stepRunId,
    jobId,
    worker,
  ]);
  return taken ?? undefined;
}

/**
 * Writes down what became of a step's run and goes on from there.
 *
 * @param settlement.input what its config became once it was filled in, for people to see
 * @returns false where the attempt is not the current one, so that nothing was written
 */
export function settleStep(
  sql: Sql,
  {
    executionId,
    stepRunId,
    attempt,
    settlement,
  }: StepRunRef & { attempt: number; settlement: Settlement & { input?: unknown } },
): Promise<boolean> {
  return call<boolean>(sql, executionId, 'runcast.settle_step($1, $2, $3, $4::jsonb)', [
    stepRunId,
    attempt,
    storableJson(settlement),
  ]);
}

/** Goes on with a step that waits for another execution, or, with `isOver`, has waited long enough. */
export function wakeStep(
  sql: Sql,
  { executionId, stepRunId, isOver = false }: StepRunRef & { isOver?: boolean },
): Promise<boolean> {
  return call<boolean>(sql, executionId, 'runcast.wake_step($1, $2, $3)', [stepRunId, isOver]);
}

/** Lets an execution that has a place begin; does nothing where it has begun. */
export async function beginWorkflow(sql: Sql, executionId: string): Promise<void> {
  await call<number | null>(sql, executionId, 'runcast.begin_workflow($1)', []);
}

export type StepResults = Record<string, { output?: unknown; error?: unknown }>;

/** @param stepIds undefined for all */
export function stepResults(
  sql: Sql,
  { executionId, path, stepIds }: { executionId: string; path: string; stepIds: string[] | undefined },
): Promise<StepResults> {
  return one<StepResults>(sql, 'select runcast.step_results($1, $2, $3) as result', [
    executionId,
    path,
    stepIds ?? null,
  ]);
}

/** Gives an execution that this transaction has inserted its plan; `startExecution` comes next. */
export async function givePlan(
  sql: Sql,
  { executionId, plan, isAudited }: { executionId: string; plan: Plan; isAudited: boolean },
): Promise<void> {
  await one<null>(sql, 'select runcast.start_workflow($1, $2::jsonb, $3) as result', [
    executionId,
    storableJson(plan),
    isAudited,
  ]);
}

/** Has an execution that this transaction has inserted go on from a step of an ended one; `startExecution` comes next. */
export async function takeOverSteps(
  sql: Sql,
  { executionId, from, stepId }: { executionId: string; from: string; stepId: string },
): Promise<void> {
  await one<null>(sql, 'select runcast.restart_workflow($1, $2, $3) as result', [executionId, from, stepId]);
}

export function pauseWorkflow(sql: Sql, executionId: string, reason: string | undefined): Promise<null> {
  return call<null>(sql, executionId, 'runcast.pause_workflow($1, $2)', [reason ?? null]);
}

export function resumeWorkflow(sql: Sql, executionId: string): Promise<null> {
  return call<null>(sql, executionId, 'runcast.resume_workflow($1)', []);
}

export type Decision = {
  executionId: string;
  /** The step that asks, or the question itself. */
  stepId: string;
  decision: 'approved' | 'rejected';
  comment?: string | undefined;
};

/** Who decides, where the service role hands it on; null for nobody in particular. */
export type Decider = { by: string | null };

/** @param decider default: the caller. @returns the question's id */
export function decideApproval(
  sql: Sql,
  { executionId, stepId, decision, comment }: Decision,
  decider?: Decider,
): Promise<string> {
  const values = [stepId, decision, comment ?? null];
  if (!decider) return call<string>(sql, executionId, 'runcast.decide_approval($1, $2, $3, $4)', values);
  const all = [...values, decider.by];
  return call<string>(sql, executionId, 'runcast.decide_approval($1, $2, $3, $4, $5)', all);
}

const OWNER = `select user_id from runcast.execution_streams where kind = 'workflow' and execution_id = $1::uuid::text`;

/** @param expression a call of one function with the execution's id as $1 and `values` after it */
async function call<Result>(
  sql: Sql,
  executionId: string,
  expression: string,
  values: unknown[],
): Promise<Result> {
  const all = [executionId, ...values];
  if (!sql.hint) return one<Result>(sql, `select ${expression} as result`, all);
  const [row] = await refusals(
    sql.query<{ result: Result; userId: string | null }>(
      `select ${expression} as result, (${OWNER}) as "userId"`,
      all,
    ),
  );
  // Whether it has ended by this only the feed says, which the reader looks into anyway.
  const userId = row?.userId ?? undefined;
  sql.hint(feedHintText({ kind: 'workflow', id: executionId, seq: undefined, userId, ended: false }));
  return row?.result as Result;
}

async function one<Result>(sql: Sql, text: string, values: unknown[]): Promise<Result> {
  const [row] = await refusals(sql.query<{ result: Result }>(text, values));
  return row?.result as Result;
}
