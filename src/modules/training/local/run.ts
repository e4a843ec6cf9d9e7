import type { Config } from '../../../platform/config.ts';
import type { EventInput } from '../../../platform/feed/events.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { StopReason } from '../../executions/active-runs.ts';
import { createEventPump } from '../../executions/event-pump.ts';
import type { Outcome, TrainingRun } from '../provider.ts';
import { type Environment, trainerCommand, trainerEnvironment } from './command.ts';
import { RunError } from './errors.ts';
import { type GuardedTrainer, killLeftovers, startGuarded, type TrainerEnding } from './guarded-trainer.ts';
import { type OutputSource, pumpOutput } from './output-events.ts';
import { prepareRunFolder, type RunResult, readResult } from './run-folder.ts';

/** From SIGTERM to SIGKILL. A worker that shuts down has 4 s for everything, so its runs get less. */
const GRACE_MS: Record<StopReason, number> = { cancelled: 3_000, timeout: 3_000, shutdown: 2_000, lost: 0 };
const MAX_QUOTED_LINE = 500;
const NO_RESULT: EventInput = {
  type: 'log',
  payload: { level: 'info', source: 'runcast', message: 'The trainer left no result.json' },
};

export type LocalOptions = {
  config: Pick<Config, 'dataDir' | 'local'>;
  environment: Environment;
  /** What the configured command is relative to. */
  folder: string;
  log: Logger;
};

/** Trains one attempt in a process of its own and follows it to its end. See TrainingProvider.run. */
export async function runLocally(run: TrainingRun, options: LocalOptions): Promise<Outcome> {
  try {
    const folder = await prepareRunFolder(options.config, run.input, run.attempt);
    if (run.stop.aborted) return stopped(run.stop.reason);
    return await train(run, folder, options);
  } catch (error) {
    if (error instanceof RunError) return { status: 'failed', error: error.message };
    throw error;
  }
}

async function train(run: TrainingRun, folder: string, options: LocalOptions): Promise<Outcome> {
  const { executionId } = run.input;
  const [program, ...args] = trainerCommand(options.config, options.folder);
  if (await killLeftovers(executionId)) {
    options.log.warn({ executionId }, 'an earlier attempt was still alive; it was killed');
  }
  const trainer = startGuarded({
    program,
    args: [...args, '--run', folder],
    folder,
    environment: trainerEnvironment(options.environment, { executionId, folder }),
    executionId,
  });
  const stopping = stopWhenTold(trainer, run.stop, options.config.local.runTimeoutMs);
  const pump = createEventPump(run.feed.append, () => trainer.kill());
  let lastError = '';
  let percent = 0;
  const follow = (source: OutputSource) =>
    pumpOutput(trainer[source], source, pump, (item) => {
      if (item.kind === 'progress') percent = item.percent;
      if (item.kind === 'log' && source === 'stderr') lastError = item.message;
    });
  const output = Promise.all([follow('stdout'), follow('stderr')]);
  try {
    const ending = await trainer.ended;
    const reason = stopping.reason();
    if (reason === 'lost') return { status: 'lost' };
    await output;
    const result = ending.cause === 'exit' && ending.code === 0 ? await readResult(folder) : undefined;
    const outcome = outcomeOf(ending, { reason, result, lastError });
    if (outcome.status === 'completed') {
      if (result === undefined) await pump.add([NO_RESULT]);
      if (percent < 100) await pump.add([{ type: 'progress', payload: { percent: 100 } }]);
    }
    await pump.flush();
    return outcome;
  } finally {
    stopping.end();
  }
}

/** Ends the trainer when the run has to stop: SIGTERM, and after the grace SIGKILL. */
function stopWhenTold(trainer: GuardedTrainer, stop: AbortSignal, timeoutMs: number) {
  const over = AbortSignal.timeout(timeoutMs);
  let reason: StopReason | undefined;
  let grace: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    // Losing the run to somebody else leaves no time for whatever was going on.
    if (reason !== undefined && stop.reason !== 'lost') return;
    reason = stop.aborted ? (stop.reason as StopReason) : 'timeout';
    clearTimeout(grace);
    if (reason !== 'lost') trainer.terminate();
    grace = setTimeout(() => trainer.kill(), GRACE_MS[reason]);
  };
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop);
  over.addEventListener('abort', onStop);
  return {
    reason: () => reason,
    end: () => {
      clearTimeout(grace);
      stop.removeEventListener('abort', onStop);
      over.removeEventListener('abort', onStop);
    },
  };
}

function outcomeOf(
  ending: TrainerEnding,
  {
    reason,
    result,
    lastError,
  }: { reason: StopReason | undefined; result: RunResult | undefined; lastError: string },
): Outcome {
  // A trainer that was done before the signal reached it has been trained all the same.
  if (reason === 'shutdown' && result === undefined) return stopped(reason);
  if (reason === 'cancelled' || reason === 'timeout') return stopped(reason);
  switch (ending.cause) {
    case 'not-started':
      return { status: 'failed', error: `the trainer could not be started (${ending.message})` };
    case 'guard':
      return { status: 'released', reason: `${ending.message}; the run is taken up again` };
    case 'exit':
      if (ending.code === 0) return { status: 'completed', result: { ...(result ?? { metrics: {} }) } };
      return { status: 'failed', error: quoting(endOf(ending), lastError) };
  }
}

export function stopped(reason: StopReason): Outcome {
  switch (reason) {
    case 'cancelled':
      return { status: 'cancelled' };
    case 'timeout':
      return { status: 'failed', error: 'the run took longer than LOCAL_RUN_TIMEOUT_MINUTES allows' };
    case 'shutdown':
      return {
        status: 'released',
        reason: 'the worker shut down; the run is taken up at the next start',
      };
    case 'lost':
      return { status: 'lost' };
  }
}

function endOf({ code, signal }: { code: number | null; signal: string | null }): string {
  return signal === null ? `the trainer ended with exit code ${code}` : `the trainer was killed by ${signal}`;
}

function quoting(sentence: string, line: string): string {
  return line === '' ? sentence : `${sentence}: ${line.slice(0, MAX_QUOTED_LINE).toWellFormed()}`;
}
