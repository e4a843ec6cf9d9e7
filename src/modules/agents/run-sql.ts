import type { Sql } from '../../platform/db/sql.ts';
import { PRIORITIES, type Priority } from '../../platform/feed/feed.ts';

/** A run as it was asked for, to tell whether a second call with its idempotency key asks for the same. */
export type AskedRun = {
  agentId: string;
  input: unknown;
  /** Null for the agent's own. */
  tenantId: string | null;
  stream: boolean;
  retryOf: string | null;
};

/** An agent that the connection's role sees, with its whole row as JSON. */
export async function runnableAgent(
  sql: Sql,
  id: string,
): Promise<{ row: unknown; enabled: boolean; tenantId: string | null } | undefined> {
  const [agent] = await sql.query<{ row: unknown; enabled: boolean; tenantId: string | null }>(
    `select to_jsonb(a) as row, a.enabled, a.tenant_id as "tenantId" from public.agents a where a.id = $1`,
    [id],
  );
  return agent;
}

/** The tenants are those that the run and its agent are of. */
export async function earlierRunByKey(
  sql: Sql,
  userId: string,
  key: string,
): Promise<(AskedRun & { id: string; agentTenantId: string | null }) | undefined> {
  const [row] = await sql.query<AskedRun & { id: string; agentTenantId: string | null }>(
    `select e.id, e.agent_id as "agentId", e.input, e.tenant_id as "tenantId", coalesce(r.stream, false) as stream,
       s.retry_of as "retryOf", (r.definition ->> 'tenant_id')::uuid as "agentTenantId"
     from runcast.execution_streams s
     join public.agent_executions e on e.id = s.execution_id::uuid
     left join runcast.agent_runs r on r.execution_id = e.id
     where s.user_id = $1 and s.kind = 'agent' and s.idempotency_key = $2`,
    [userId, key],
  );
  return row;
}

export async function endedRun(
  sql: Sql,
  userId: string,
  id: string,
): Promise<(Omit<AskedRun, 'retryOf'> & { status: string; priority: Priority }) | undefined> {
  const [row] = await sql.query<Omit<AskedRun, 'retryOf'> & { status: string; rank: number | null }>(
    `select e.agent_id as "agentId", e.input, e.tenant_id as "tenantId", coalesce(r.stream, false) as stream, e.status,
       r.priority as rank
     from public.agent_executions e left join runcast.agent_runs r on r.execution_id = e.id
     where e.id = $1 and e.user_id = $2`,
    [id, userId],
  );
  if (row === undefined) return undefined;
  const { rank, ...rest } = row;
  return { ...rest, priority: PRIORITIES[rank ?? 1] ?? 'normal' };
}
