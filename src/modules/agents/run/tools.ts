import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../../../platform/logger.ts';
import type { RetryPolicy } from '../../executions/shapes.ts';
import { type StepCall, StepError, type StepFailure } from '../../steps/step.ts';
import type { Definition, Tool } from '../definition.ts';
import { AgentFailure, Suspended } from '../failure.ts';
import type { Approvals } from './approvals.ts';
import { type Arguments, completed } from './arguments.ts';
import { assertCapable } from './capabilities.ts';
import type { Journal } from './journal.ts';
import type { Narration } from './narration.ts';

/** What has come of a call, for the model or for the run's own output. */
export type ToolOutcome = { output: unknown } | { error: StepFailure };

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_DELAY_MS = 1_000;

export type Toolbox = {
  /**
   * Calls a tool, or says what came of the call in an earlier attempt. What it may not do, or do wrong, is an outcome.
   *
   * @param key where in the run the call stands
   * @param given the arguments, not yet looked at
   * @throws {Suspended} where a person, or a run that it has started, has to be waited for
   */
  call(key: string, tool: Tool, given: unknown): Promise<ToolOutcome>;
};

/** Carries a call out whose arguments fit, and which the agent may make. */
export type CarryOut = (key: string, tool: Tool, args: Arguments, call: StepCall) => Promise<unknown>;

export function createToolbox(options: {
  definition: Definition;
  journal: Journal;
  approvals: Approvals;
  narration: Narration;
  carryOut: CarryOut;
  /** Everything of a call but what is each call's own. */
  base: Omit<StepCall, 'idempotencyKey' | 'signal'>;
  signal: AbortSignal;
  /** Whether a failed call stands: a model is told of it. Else the next try of the run makes it again. */
  isFinal: boolean;
  log: Logger;
}): Toolbox {
  const { definition, journal, approvals, narration, carryOut, base, signal, isFinal, log } = options;

  async function attempt(key: string, tool: Tool, given: unknown, idempotencyKey: string): Promise<unknown> {
    const args = completed(given, tool);
    for (let tries = 1; ; tries += 1) {
      const timeout = AbortSignal.timeout(tool.timeout ?? DEFAULT_TIMEOUT_MS);
      const call = { ...base, idempotencyKey, signal: AbortSignal.any([signal, timeout]) };
      try {
        return await carryOut(key, tool, args, call);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Suspended || error instanceof AgentFailure) throw error;
        const failure = failureOf(error, tool, timeout.aborted, log);
        const delayMs = delayBefore(tries, tool.retry, failure);
        if (delayMs === undefined) throw failure;
        narration.log(`${tool.name} failed and is tried again: ${failure.message}`, 'warn');
        await wait(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  return {
    async call(key, tool, given) {
      // Nobody is asked about a call that would not be made.
      const rejection = faultOf(definition, tool, given) ?? (await approvals.rejectionOf(key, tool, given));
      const step = { key, kind: 'tool', name: tool.name, input: given } as const;
      const found = await journal.begin(step);
      if ('row' in found) return outcomeOf(found.row.output, found.row.error);
      const { tries, idempotencyKey } = found.begun;
      const tell = (state: string, error?: StepFailure) =>
        narration.step({ key, name: tool.name, type: tool.category, state, tries, ...(error && { error }) });
      tell('running');
      try {
        if (rejection) throw rejection;
        const output = (await attempt(key, tool, given, idempotencyKey)) ?? null;
        await journal.end(key, { state: 'completed', output });
        tell('completed');
        return { output };
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        const failure = { code: error.code, message: error.message };
        await journal.end(key, { state: 'failed', error: failure, isFinal });
        if (failure.code === 'FORBIDDEN_TOOL') narration.log(failure.message, 'warn');
        tell('failed', failure);
        return { error: failure };
      }
    },
  };
}

function faultOf(definition: Definition, tool: Tool, given: unknown): StepError | undefined {
  try {
    assertCapable(definition, tool);
    completed(given, tool);
    return undefined;
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
}

function outcomeOf(output: unknown, error: StepFailure | null): ToolOutcome {
  return error ? { error } : { output };
}

function failureOf(error: unknown, tool: Tool, isLate: boolean, log: Logger): StepError {
  if (isLate) {
    const limit = tool.timeout ?? DEFAULT_TIMEOUT_MS;
    return new StepError({ code: 'TIMEOUT', message: `${tool.name} took longer than ${limit} ms` });
  }
  if (error instanceof StepError) return error;
  log.error({ err: error, tool: tool.name }, 'a tool failed in the worker');
  return new StepError({ code: 'TOOL_ERROR', message: `${tool.name} failed; the worker's log says why` });
}

/** Undefined where it is not tried again. */
function delayBefore(tries: number, retry: RetryPolicy | undefined, error: StepError): number | undefined {
  const isOver = !retry?.enabled || error.isFinal || tries >= (retry.maxAttempts ?? 1);
  return isOver ? undefined : (error.retryAfterMs ?? retryDelay(retry, tries));
}

/** @param tries those that have failed, from 1 */
export function retryDelay(
  { backoff = 'exponential', initialDelay = DEFAULT_DELAY_MS, maxDelay }: RetryPolicy,
  tries: number,
): number {
  const times = { fixed: 1, linear: tries, exponential: 2 ** (tries - 1) }[backoff];
  return Math.min(initialDelay * times, maxDelay ?? Number.POSITIVE_INFINITY);
}
