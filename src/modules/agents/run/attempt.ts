import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { codeOf } from '../../../platform/errors.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { StopReason } from '../../executions/active-runs.ts';
import type { EventPump } from '../../executions/event-pump.ts';
import { StepError } from '../../steps/step.ts';
import { AgentFailure, Suspended } from '../failure.ts';
import type { AgentPorts } from '../ports.ts';
import { startAgent } from '../start.ts';
import { createChildren } from './children.ts';
import { createJournal } from './journal.ts';
import { createLimits, type Limits } from './limits.ts';
import { loadRun, type RunInput } from './load.ts';
import { createNarration } from './narration.ts';
import type { RunParts } from './parts.ts';
import { failureOf, runAgent } from './run.ts';
import { retryDelay } from './tools.ts';

export type Outcome =
  | { status: 'completed'; output: unknown }
  | { status: 'failed'; failure: AgentFailure }
  | { status: 'cancelled' }
  /** Handed back until what it waits for has come. */
  | { status: 'suspended'; reason: string; spentMs: number }
  /** Handed back for another try after a delay. */
  | { status: 'retried'; reason: string; delayMs: number; spentMs: number }
  /** Not at its end: handed back, to be taken again. */
  | { status: 'released'; reason: string }
  /** Ended by another hand, or somebody else's by now: nothing more may be written. */
  | { status: 'lost' };

export type AttemptOptions = {
  executionId: string;
  attempt: number;
  database: ServiceDatabase;
  ports: AgentPorts;
  /** Aborted with a StopReason. */
  stop: AbortSignal;
  giveUp: AbortSignal;
  persist: RunParts['persist'];
  pump: EventPump;
  log: Logger;
};

const INSUFFICIENT_PRIVILEGE = '42501';
/** A run that takes its worker down with it every time is not tried for ever. */
const MAX_ATTEMPTS = 1_000;

/** Runs one attempt and tells what has come of it; all its events are written by then, but for the status. */
export async function attemptRun(options: AttemptOptions): Promise<Outcome> {
  const { database, executionId, attempt, pump } = options;
  const run = await loadRun(database.sql, executionId);
  if (run === undefined) return { status: 'lost' };
  if (typeof run === 'string') return failed('BAD_DEFINITION', `the agent cannot be run as it is: ${run}`);
  if (attempt > MAX_ATTEMPTS) return failed('LOST', `the run lost its worker ${MAX_ATTEMPTS} times`);
  const limits = createLimits(run.definition, run.before);
  try {
    const outcome = await outcomeOf(run, limits, options);
    await pump.flush();
    return outcome;
  } finally {
    limits.stop();
  }
}

function failed(code: string, message: string): Outcome {
  return { status: 'failed', failure: new AgentFailure({ code, message }) };
}

async function outcomeOf(run: RunInput, limits: Limits, options: AttemptOptions): Promise<Outcome> {
  const { stop, pump, log, giveUp } = options;
  const signal = AbortSignal.any([stop, limits.signal]);
  const narration = createNarration(pump);
  const journal = createJournal({
    ...options,
    rateLimit: run.definition.safety_constraints.rateLimit,
    signal,
    spentMs: limits.spentMs,
  });
  const children = createChildren({ ...options, journal, userId: run.owner.userId });
  const parts: RunParts = { ...options, run, journal, limits, narration, children, signal };
  try {
    return { status: 'completed', output: await outputOf(parts) };
  } catch (error) {
    if (stop.aborted) return stopped(stop.reason as StopReason);
    if (error instanceof Suspended) {
      return { status: 'suspended', reason: error.message, spentMs: limits.spentMs() };
    }
    if (error instanceof FeedError || giveUp.aborted) throw error;
    return afterFailure(parts, limits.signal.aborted ? limits.signal.reason : failureOf(error, log));
  } finally {
    await narration.flush();
  }
}

/** Once another agent was asked to take over, it is its output that counts. */
async function outputOf(parts: RunParts): Promise<unknown> {
  const { run, narration } = parts;
  const agentId = run.definition.execution_config.retry?.fallbackAgent;
  if (agentId !== undefined && run.hasFallback) return await fallbackOutput(parts, agentId);
  try {
    return await runAgent(parts);
  } catch (error) {
    if (parts.signal.aborted || error instanceof Suspended || error instanceof FeedError) throw error;
    const failure = failureOf(error, parts.log);
    const isRetried = failure.mayRetry && triesLeft(run) > 0;
    if (agentId === undefined || !failure.mayFallBack || isRetried) throw failure;
    narration.log(`the agent has failed (${failure.message}); the agent ${agentId} takes over`, 'warn');
    return await fallbackOutput(parts, agentId);
  }
}

async function fallbackOutput({ run, children }: RunParts, agentId: string): Promise<unknown> {
  try {
    return await children.outputOf(fallback(run, agentId));
  } catch (error) {
    const isTold = error instanceof StepError || codeOf(error) === INSUFFICIENT_PRIVILEGE;
    if (!isTold) throw error;
    const why = error instanceof StepError ? error.message : 'its owner may not run it, or it is disabled';
    throw new AgentFailure({ code: 'FALLBACK_FAILED', message: `the agent that took over failed: ${why}` });
  }
}

function fallback({ executionId, input, owner, priority, streams }: RunInput, agentId: string) {
  return {
    key: 'fallback',
    name: agentId,
    kind: 'agent' as const,
    start: (sql: Parameters<typeof startAgent>[0], idempotencyKey: string) =>
      startAgent(sql, {
        ...{ agentId, input, ...owner, priority, idempotencyKey, stream: streams },
        retryOf: executionId,
        parent: { kind: 'agent', id: executionId },
      }),
  };
}

function triesLeft({ definition, tries }: RunInput): number {
  const { retry } = definition.execution_config;
  return retry?.enabled ? Math.max(0, (retry.maxAttempts ?? 1) - tries) : 0;
}

function afterFailure({ run, limits }: RunParts, failure: AgentFailure): Outcome {
  const { retry } = run.definition.execution_config;
  if (!failure.mayRetry || retry === undefined || triesLeft(run) === 0) return { status: 'failed', failure };
  const delayMs = retryDelay(retry, run.tries);
  const reason = `try ${run.tries} failed: ${failure.message}`;
  return { status: 'retried', reason, delayMs, spentMs: limits.spentMs() };
}

function stopped(reason: StopReason): Outcome {
  switch (reason) {
    case 'cancelled':
      return { status: 'cancelled' };
    case 'shutdown':
      return { status: 'released', reason: 'its worker shuts down' };
    case 'lost':
      return { status: 'lost' };
    case 'timeout':
      return failed('TIME_LIMIT', 'the run has taken longer than it may');
  }
}
