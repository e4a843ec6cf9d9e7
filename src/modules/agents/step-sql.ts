import type { Sql } from '../../platform/db/sql.ts';
import type { Decision } from './vocabulary.ts';

/** A step of a run as the API shows it. */
export type AgentStep = {
  executionId: string;
  key: string;
  kind: string;
  name: string;
  state: string;
  tries: number;
  input: unknown;
  output: unknown;
  error: unknown;
  provider: string | null;
  model: string | null;
  usage: StepUsage | null;
  priceVersion: number | null;
  /** US dollars, as text. */
  cost: string | null;
  startedAt: Date;
  completedAt: Date | null;
};

export type StepUsage = { input: number; cachedInput: number; output: number; reasoning: number };

export type AgentApproval = {
  executionId: string;
  id: string;
  stepKey: string;
  tool: string;
  prompt: string;
  arguments: unknown;
  requestedAt: Date;
  decision: Decision | null;
  comment: string | null;
  decidedBy: string | null;
  decidedAt: Date | null;
};

/** The steps of each run that the connection's role may see, in the order in which they began. */
export async function loadSteps(sql: Sql, ids: readonly string[]): Promise<Map<string, AgentStep[]>> {
  const rows = await sql.query<AgentStep>(
    `select execution_id as "executionId", key, kind, name, state, tries, input, output, error, provider, model,
       case when input_tokens is not null then jsonb_build_object('input', input_tokens, 'cachedInput', cached_input_tokens,
         'output', output_tokens, 'reasoning', reasoning_tokens) end as usage,
       price_version as "priceVersion", trim_scale(cost)::text as cost, started_at as "startedAt",
       completed_at as "completedAt"
     from runcast.agent_steps where execution_id = any ($1::uuid[]) order by execution_id, index`,
    [ids],
  );
  return Map.groupBy(rows, ({ executionId }) => executionId);
}

/** The questions of each run that the connection's role may see, oldest first. */
export async function loadApprovals(sql: Sql, ids: readonly string[]): Promise<Map<string, AgentApproval[]>> {
  const rows = await sql.query<AgentApproval>(
    `select execution_id as "executionId", id, step_key as "stepKey", tool, prompt, arguments,
       requested_at as "requestedAt", decision, comment, decided_by as "decidedBy", decided_at as "decidedAt"
     from runcast.agent_approvals where execution_id = any ($1::uuid[]) order by execution_id, requested_at, id`,
    [ids],
  );
  return Map.groupBy(rows, ({ executionId }) => executionId);
}
