import type { Definition } from '../definition.ts';
import { AgentFailure } from '../failure.ts';

/** What a run has used, in whichever attempt. */
export type Tallies = {
  tokens: number;
  /** US dollars; null once a model without a price was asked. */
  cost: number | null;
};

/** How long a run may take where neither the agent nor its safety says. */
const DEFAULT_TIMEOUT_MS = 15 * 60_000;
/** What setTimeout can wait for: 24 days, more than any run may take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export type Limits = {
  /** Aborted when the run's time is over, with the AgentFailure that says so. */
  readonly signal: AbortSignal;
  /** Milliseconds that are left. */
  leftMs(): number;
  /** Milliseconds that workers have run it, this attempt included. */
  spentMs(): number;
  /** Tokens that an answer may have, so that the limit is not passed by more than what is asked. */
  tokensLeft(): number | undefined;
  /** @throws {AgentFailure} TOKEN_LIMIT, COST_LIMIT: before a model is asked */
  assertMayAsk(): void;
  /** Adds what an answer has used; undefined for what is not known. @throws {AgentFailure} where a limit is passed by it */
  add(used: { tokens: number | undefined; cost: number | null }): void;
  stop(): void;
};

export function createLimits(
  { safety_constraints: safety, execution_config: { timeout } }: Definition,
  before: Tallies & { spentMs: number },
): Limits {
  const begunAt = performance.now();
  const spentMs = () => Math.round(before.spentMs + performance.now() - begunAt);
  const maxMs = Math.min(safety.maxExecutionTime ?? LONGEST_TIMER_MS, timeout ?? DEFAULT_TIMEOUT_MS);
  const time = new AbortController();
  const timer = setTimeout(
    () => time.abort(failure('TIME_LIMIT', `the run has taken the ${maxMs} ms that it may`)),
    Math.max(0, maxMs - before.spentMs),
  );
  const used: Tallies = { tokens: before.tokens, cost: before.cost };
  const { maxTokenUsage = Number.POSITIVE_INFINITY, maxCost = Number.POSITIVE_INFINITY } = safety;

  return {
    signal: time.signal,
    leftMs: () => maxMs - spentMs(),
    spentMs,
    tokensLeft: () => (Number.isFinite(maxTokenUsage) ? Math.max(1, maxTokenUsage - used.tokens) : undefined),
    assertMayAsk() {
      if (used.tokens >= maxTokenUsage) throw tokenLimit(used.tokens, maxTokenUsage);
      if (used.cost !== null && used.cost >= maxCost) throw costLimit(used.cost, maxCost);
    },
    add({ tokens, cost }) {
      if (tokens === undefined && (Number.isFinite(maxTokenUsage) || Number.isFinite(maxCost))) {
        throw failure(
          'USAGE_UNKNOWN',
          'the model server does not say how many tokens it used, so no limit can be kept',
        );
      }
      used.tokens += tokens ?? 0;
      used.cost = used.cost === null || cost === null ? null : used.cost + cost;
      if (used.tokens > maxTokenUsage) throw tokenLimit(used.tokens, maxTokenUsage);
      if (used.cost === null && Number.isFinite(maxCost)) {
        throw failure('COST_UNKNOWN', 'there is no price for the model, so maxCost cannot be kept');
      }
      if (used.cost !== null && used.cost > maxCost) throw costLimit(used.cost, maxCost);
    },
    stop: () => clearTimeout(timer),
  };
}

function tokenLimit(used: number, limit: number): AgentFailure {
  return failure('TOKEN_LIMIT', `the run has used ${used} of the ${limit} tokens that it may`);
}

function costLimit(used: number, limit: number): AgentFailure {
  return failure('COST_LIMIT', `the run has cost ${used.toFixed(4)} of the ${limit} US dollars that it may`);
}

function failure(code: string, message: string): AgentFailure {
  return new AgentFailure({ code, message });
}
