import type { Sql } from '../../platform/db/sql.ts';
import type { ExecutionRef } from '../../platform/feed/events.ts';
import { PRIORITIES, type Priority, startExecution } from '../../platform/feed/feed.ts';

export type AgentStart = {
  agentId: string;
  input: unknown;
  /** On whose behalf: the owner of the run. */
  userId: string;
  /** Whom it is for; null for no tenant. */
  tenantId: string | null;
  /** Default: normal. */
  priority?: Priority | undefined;
  idempotencyKey?: string | undefined;
  retryOf?: string | undefined;
  /** Whether its tokens become output events as they come. Default: as the agent's mode says. */
  stream?: boolean | undefined;
  /** The execution that it is a part of, and the run of the workflow's step that waits for its end. */
  parent?: (ExecutionRef & { stepRunId?: string }) | undefined;
};

/**
 * Starts a run in the transaction that `sql` runs in: the row, the agent as it is now, and its place in the queue. As a user
 * for himself, or as the service on somebody's behalf; that the owner may run the agent is looked at in any case.
 *
 * @returns the id of the execution
 * @throws Postgres's 42501 where he may not, or it is disabled; 23505 where he has used the idempotency key
 * @throws {FeedError} QUEUE_FULL, TOO_DEEP
 */
export async function startAgent(sql: Sql, start: AgentStart): Promise<string> {
  const { agentId, input, userId, tenantId, priority = 'normal', stream = false } = start;
  const [row] = await sql.query<{ id: string }>(
    `insert into public.agent_executions (agent_id, user_id, tenant_id, input)
     values ($1, $2, $3, $4::jsonb) returning id`,
    [agentId, userId, tenantId, JSON.stringify(input ?? {})],
  );
  if (row === undefined) throw new Error('an insert returned no row');
  const { id } = row;
  await sql.query('select runcast.begin_agent_run($1, $2, $3)', [id, stream, PRIORITIES.indexOf(priority)]);
  const { idempotencyKey, retryOf, parent } = start;
  await startExecution(sql, {
    ...{ kind: 'agent', id, idempotencyKey, retryOf, priority, parent },
    tenantId: tenantId ?? undefined,
  });
  return id;
}
