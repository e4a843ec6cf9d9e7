import { z } from 'zod';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import { findStream, takeExecution } from '../../../platform/feed/feed.ts';
import { defineJob } from '../../../platform/jobs/define.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { ActiveRuns } from '../../executions/active-runs.ts';
import { createEventPump } from '../../executions/event-pump.ts';
import { createPersist, createRunFeed } from '../../executions/run-feed.ts';
import type { AgentPorts } from '../ports.ts';
import { attemptRun } from '../run/attempt.ts';
import { settle } from '../run/settle.ts';

export type RunAgentDependencies = {
  database: ServiceDatabase;
  ports: AgentPorts;
  runs: ActiveRuns;
  /** Names this worker in the feed. */
  worker: string;
  /** Aborted when this process has no more time to wait for its database. */
  giveUp: AbortSignal;
  log: Logger;
};

/**
 * Runs one attempt of an agent's execution. What a second delivery finds ended, or in the hands of a later attempt, it leaves
 * alone; a run that has waited is delivered anew.
 */
export const runAgentJob = defineJob({
  name: 'agent.run',
  payload: z.object({ executionId: z.string().min(1) }),
  async handle({ executionId }, deps: RunAgentDependencies, { signal }) {
    if (deps.runs.isShutDown) throw new HandedBack('this worker shuts down');
    try {
      await takeAndRun(executionId, deps, signal);
    } catch (error) {
      if (!isLost(error)) throw error;
      deps.log.info({ executionId, code: error.code }, 'the run is not ours');
    }
  },
});

async function takeAndRun(
  executionId: string,
  deps: RunAgentDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { database, worker, runs, giveUp } = deps;
  const execution = { kind: 'agent', id: executionId } as const;
  const attempt = await takeExecution(database.sql, { ...execution, worker });
  if (attempt === null) return;
  const run = runs.begin(execution, attempt);
  const onLost = (): void => run.requestStop('lost');
  signal.addEventListener('abort', onLost);
  try {
    const lastSeq = (await findStream(database.sql, execution))?.lastSeq ?? 0;
    const log = deps.log.child({ executionId, attempt });
    const feed = createRunFeed({ database, execution, attempt, lastSeq, giveUp, log });
    const persist = createPersist({ giveUp, log });
    const pump = createEventPump(feed.append, onLost);
    log.info('run started');
    const outcome = await attemptRun({ ...deps, executionId, attempt, stop: run.stop, persist, pump, log });
    await settle(outcome, { ...deps, executionId, attempt, run, feed, persist });
    log.info({ status: outcome.status }, 'run ended');
    if (outcome.status === 'released') throw new HandedBack(outcome.reason);
  } finally {
    signal.removeEventListener('abort', onLost);
    run.end();
  }
}

/** The run was ended by another hand, taken over, or deleted: nothing is left to do here. */
function isLost(error: unknown): error is FeedError {
  return error instanceof FeedError && error.code !== 'INVALID_EVENT';
}

/** Tells the queue to deliver the job again, here or elsewhere. */
class HandedBack extends Error {
  override name = 'HandedBack';
}
