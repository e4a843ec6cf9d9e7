import type { Sql } from '../../../platform/db/sql.ts';
import type { Priority } from '../../../platform/feed/feed.ts';
import { PRIORITIES } from '../../../platform/feed/feed.ts';
import { type Definition, readDefinition } from '../definition.ts';
import type { Tallies } from './limits.ts';

/** A run as a worker finds it. */
export type RunInput = {
  executionId: string;
  definition: Definition;
  input: unknown;
  owner: { userId: string; tenantId: string | null };
  /** Whether tokens become events as they come. */
  streams: boolean;
  priority: Priority;
  /** Which try by the agent's retry policy it is. */
  tries: number;
  /** Whether another agent was asked to take over, in whichever attempt. */
  hasFallback: boolean;
  /** What earlier attempts have used. */
  before: Tallies & { spentMs: number };
};

type Row = {
  definition: unknown;
  input: unknown;
  userId: string;
  tenantId: string | null;
  stream: boolean;
  priority: number;
  tries: number;
  spentMs: number;
  hasFallback: boolean;
  tallies: { tokenUsage: number; cost?: number };
};

/**
 * Reads a run as the service role.
 *
 * @returns undefined where there is no such run; a text where what it was started with cannot be read, as after an upgrade
 */
export async function loadRun(sql: Sql, executionId: string): Promise<RunInput | string | undefined> {
  const [row] = await sql.query<Row>(
    `select r.definition, e.input, e.user_id as "userId", e.tenant_id as "tenantId", r.stream, r.priority, r.tries,
       r.spent_ms::float8 as "spentMs",
       exists (select from runcast.agent_steps where execution_id = e.id and key = 'fallback') as "hasFallback",
       runcast.agent_tallies(e.id) as tallies
     from public.agent_executions e join runcast.agent_runs r on r.execution_id = e.id
     where e.id = $1`,
    [executionId],
  );
  if (row === undefined) return undefined;
  const { userId, tenantId, stream, priority, tries, spentMs, hasFallback, tallies, input } = row;
  const read = readDefinition(row.definition);
  if ('faults' in read) {
    return read.faults.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ');
  }
  const { definition } = read;
  return {
    executionId,
    definition,
    input,
    owner: { userId, tenantId },
    streams: stream || definition.execution_config.mode === 'streaming',
    priority: PRIORITIES[priority] ?? 'normal',
    tries,
    hasFallback,
    before: { tokens: tallies.tokenUsage, cost: tallies.cost ?? null, spentMs },
  };
}
