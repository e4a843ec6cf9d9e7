import { z } from 'zod';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import { findStream, takeExecution } from '../../../platform/feed/feed.ts';
import { defineJob } from '../../../platform/jobs/define.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { ActiveRun, ActiveRuns } from '../../executions/active-runs.ts';
import { createRunFeed, type RunFeed } from '../../executions/run-feed.ts';
import type { Outcome, ProviderName } from '../provider.ts';
import type { Providers } from '../providers.ts';
import { loadRun } from '../run-input.ts';

/** A run that takes its worker down with it every time, by its memory say, is not tried for ever. */
const MAX_ATTEMPTS = 100;

export type RunTrainingDependencies = {
  database: ServiceDatabase;
  providers: Providers;
  runs: ActiveRuns;
  /** Names this worker in the feed. */
  worker: string;
  /** Aborted when this process has no more time to wait for its database. */
  giveUp: AbortSignal;
  log: Logger;
};

/**
 * Runs one attempt of a training execution. What a second delivery finds ended, or in the hands of a later attempt, it
 * leaves alone.
 */
export const runTraining = defineJob({
  name: 'training.run',
  payload: z.object({ executionId: z.string().min(1) }),
  async handle({ executionId }, deps: RunTrainingDependencies, { signal }) {
    if (deps.runs.isShutDown) throw new HandedBack('this worker shuts down');
    const execution = { kind: 'training', id: executionId } as const;
    try {
      const attempt = await takeExecution(deps.database.sql, { ...execution, worker: deps.worker });
      if (attempt === null) return;
      const run = deps.runs.begin(execution, attempt);
      const onLost = (): void => run.requestStop('lost');
      signal.addEventListener('abort', onLost);
      try {
        const lastSeq = (await findStream(deps.database.sql, execution))?.lastSeq ?? 0;
        const log = deps.log.child({ executionId, attempt });
        const feed = createRunFeed({ ...deps, execution, attempt, lastSeq, log });
        log.info('run started');
        const outcome = await attemptRun(executionId, attempt, run, feed, { ...deps, log });
        await settle(outcome, run, feed);
        log.info({ status: outcome.status }, 'run ended');
        if (outcome.status === 'released') throw new HandedBack(outcome.reason);
      } finally {
        signal.removeEventListener('abort', onLost);
        run.end();
      }
    } catch (error) {
      if (!isLost(error)) throw error;
      deps.log.info({ executionId, code: error.code }, 'the run is not ours');
    }
  },
});

/** The run was ended by another hand, taken over, or deleted: nothing is left to do here. */
function isLost(error: unknown): error is FeedError {
  return error instanceof FeedError && error.code !== 'INVALID_EVENT';
}

/** Tells the queue to deliver the job again, here or elsewhere. */
class HandedBack extends Error {
  override name = 'HandedBack';
}

async function attemptRun(
  executionId: string,
  attempt: number,
  run: ActiveRun,
  feed: RunFeed,
  { database, providers, giveUp, log }: RunTrainingDependencies,
): Promise<Outcome> {
  const input = await loadRun(database.sql, executionId);
  if (input === undefined) return { status: 'lost' };
  const { config } = input;
  if (config === null) {
    return { status: 'failed', error: `there is no config ${input.publicId} that this user may run` };
  }
  const provider = isKnown(input.provider, providers) ? providers[input.provider] : undefined;
  if (!provider?.run) {
    return { status: 'failed', error: `this worker does not run the provider ${input.provider}` };
  }
  if (attempt > MAX_ATTEMPTS) {
    return { status: 'failed', error: `the run lost its worker ${MAX_ATTEMPTS} times` };
  }
  try {
    return await provider.run({ input: { ...input, config }, attempt, feed, stop: run.stop });
  } catch (error) {
    if (isLost(error) || giveUp.aborted) throw error;
    log.error({ err: error }, 'the run failed in the worker');
    return { status: 'failed', error: 'the worker failed; its log says why' };
  }
}

function isKnown(name: string, providers: Providers): name is ProviderName {
  return Object.hasOwn(providers, name);
}

async function settle(outcome: Outcome, run: ActiveRun, feed: RunFeed): Promise<void> {
  switch (outcome.status) {
    case 'completed':
      return feed.finish({ status: 'completed', ...(outcome.result && { result: outcome.result }) });
    case 'failed':
      return feed.finish({ status: 'failed', error: outcome.error });
    case 'cancelled':
      return feed.finish({ status: 'cancelled', reason: run.cancelReason() ?? 'cancelled' });
    case 'released':
      return feed.release(outcome.reason);
    case 'lost':
      return;
  }
}
