import { z } from 'zod';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { messageOf } from '../../../platform/errors.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import type { LogLevel } from '../../../platform/feed/events.ts';
import { appendEvents } from '../../../platform/feed/feed.ts';
import { defineJob } from '../../../platform/jobs/define.ts';
import type { Logger } from '../../../platform/logger.ts';
import { type StepCall, StepError } from '../../steps/step.ts';
import type { ActiveStep, ActiveSteps } from '../engine/active-steps.ts';
import { inputOf, runStep, type StepEnd, scopeOf } from '../engine/run-step.ts';
import { type Settlement, type StepRunRef, settleStep, type TakenStep, takeStep } from '../engine/sql.ts';
import type { StepKit } from '../engine/step-kit.ts';

export type RunStepDependencies = {
  database: ServiceDatabase;
  kit: StepKit;
  steps: ActiveSteps;
  worker: string;
  log: Logger;
};

/** How long a try may take whose step says nothing: longer than any request that a step makes, retries aside. */
const DEFAULT_TIMEOUT_MS = 5 * 60_000;

/**
 * Runs a step once. A second delivery finds it taken by another job, or takes it over from a worker that is gone: then the
 * attempt is another one, and what the first one writes after that is refused.
 */
export const runWorkflowStep = defineJob({
  name: 'workflow.step',
  payload: z.object({ executionId: z.uuid(), stepRunId: z.uuid() }),
  async handle(run, deps: RunStepDependencies, { id: jobId, signal }) {
    if (deps.steps.isShutDown) throw new HandedBack();
    try {
      const taken = await takeStep(deps.database.sql, { ...run, jobId, worker: deps.worker });
      if (taken === undefined) return;
      const active = deps.steps.begin(run.stepRunId, taken.attempt);
      const onLost = () => active.stop('lost');
      signal.addEventListener('abort', onLost);
      try {
        await runAndSettle(run, taken, active, deps);
      } finally {
        signal.removeEventListener('abort', onLost);
        active.end();
      }
    } catch (error) {
      // Deleted, cancelled or ended meanwhile: nothing is left to do.
      if (!(error instanceof FeedError)) throw error;
      deps.log.info({ ...run, code: error.code }, 'the step is not ours');
    }
  },
});

/** Tells the queue to deliver the job again, elsewhere. */
class HandedBack extends Error {
  override name = 'HandedBack';
}

async function runAndSettle(
  run: StepRunRef,
  taken: TakenStep,
  active: ActiveStep,
  deps: RunStepDependencies,
): Promise<void> {
  const timeout = setTimeout(() => active.stop('timeout'), timeoutOf(taken));
  const call = callOf(run, taken, active, deps);
  let end: StepEnd;
  let input: unknown;
  try {
    const scope = await scopeOf(deps.database.sql, run, taken);
    input = await untilStopped(inputOf(taken, scope, call, deps.kit), active.signal);
    end = await untilStopped(runStep(run, taken, scope, call, deps.kit), active.signal);
  } catch (error) {
    end = failureOf(error, active.signal, run, deps);
  } finally {
    clearTimeout(timeout);
  }
  if (active.signal.reason === 'lost') return;
  await settle(run, taken, { end, input }, deps);
}

function timeoutOf({ step }: TakenStep): number {
  return step.timeout ?? DEFAULT_TIMEOUT_MS;
}

/** A runner that does not heed its signal keeps no slot. */
async function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
    work.catch(() => undefined);
  }
}

function failureOf(
  error: unknown,
  signal: AbortSignal,
  run: StepRunRef,
  { log }: RunStepDependencies,
): Settlement {
  const { reason } = signal;
  if (reason === 'shutdown') throw new HandedBack();
  if (reason === 'timeout') {
    const message = 'The step took longer than it may.';
    return { outcome: 'failed', error: { code: 'TIMEOUT', name: 'TimeoutError', message } };
  }
  if (error instanceof StepError) return failed(error);
  if (error instanceof FeedError) throw error;
  if (reason !== 'lost') log.error({ err: error, ...run }, 'a step failed in the worker');
  return { outcome: 'failed', error: { code: 'INTERNAL', message: 'The worker failed; its log says why.' } };
}

async function settle(
  run: StepRunRef,
  { attempt }: TakenStep,
  { end, input }: { end: StepEnd; input: unknown },
  { database, log }: RunStepDependencies,
): Promise<void> {
  const given = input === undefined ? {} : { input };
  try {
    await database.transaction(async (sql) => {
      const settlement = { ...('start' in end ? await end.start(sql) : end), ...given };
      if (!(await settleStep(sql, { ...run, attempt, settlement }))) throw new Overtaken();
    });
  } catch (error) {
    if (error instanceof Overtaken) {
      log.info(run, 'the step went on without this worker');
      return;
    }
    // What may not be started was rolled back with all that it had written.
    if (!(error instanceof StepError)) throw error;
    await settleStep(database.sql, { ...run, attempt, settlement: { ...failed(error), ...given } });
  }
}

/** Rolls back what a step has started that was cancelled, or taken by somebody else, meanwhile. */
class Overtaken extends Error {
  override name = 'Overtaken';
}

function failed({ code, message, isFinal, retryAfterMs }: StepError): Settlement {
  return { outcome: 'failed', error: { code, name: 'StepError', message }, final: isFinal, retryAfterMs };
}

function callOf(
  { executionId, stepRunId }: StepRunRef,
  { userId, tenantId }: TakenStep,
  { signal }: ActiveStep,
  { database, log }: RunStepDependencies,
): StepCall {
  const execution = { kind: 'workflow', id: executionId } as const;
  const owner = { userId, tenantId };
  return {
    execution,
    owner,
    idempotencyKey: stepRunId,
    signal,
    log(message: string, level: LogLevel = 'info') {
      const line = { level, message, source: 'step' };
      // Lines after the end are refused, and no step waits for its lines.
      appendEvents(database.sql, { ...execution, events: [{ type: 'log', payload: line }] }).catch((error) =>
        log.info({ executionId, error: messageOf(error) }, 'a line of a step was not kept'),
      );
    },
  };
}
