import type { Client } from 'pg';
import { mintToken } from '../src/platform/auth/mint-token.ts';

/** Somebody who asks, and the token that says so. */
export type User = { id: string; token: string };

export async function addUsers(client: Client, count: number, secret: string): Promise<User[]> {
  const { rows } = await client.query<{ id: string }>(
    `insert into auth.users (id, email)
     select gen_random_uuid(), 'user' || n || '@example.com' from generate_series(1, $1::int) n returning id`,
    [count],
  );
  const jwt = { secret, audience: 'authenticated' };
  return await Promise.all(
    rows.map(async ({ id }) => ({
      id,
      token: await mintToken(jwt, { role: 'authenticated', sub: id, email: `${id}@example.com` }, 3600),
    })),
  );
}

/** Rows without the streams that triggers open for them, which took 3 minutes for these and which no query here reads. */
export async function skipTriggers(client: Client): Promise<void> {
  await client.query("set session_replication_role = 'replica'");
}

/** Each user as many training runs, a minute apart, the newest with the lowest number: `exec_<user>_0`. */
export async function addRuns(client: Client, runsPerUser: number): Promise<void> {
  await client.query(
    `insert into public.training_executions (id, user_id, public_id, method, provider, created_at, logs)
     select 'exec_' || u.id || '_' || n, u.id, 'config', 'sft', 'local',
       date_trunc('milliseconds', now()) - make_interval(mins => n),
       array_fill('a line of the log of this run'::text, array[50])
     from auth.users u, generate_series(0, $1::int - 1) n`,
    [runsPerUser],
  );
  await client.query('vacuum analyze public.training_executions');
}

/**
 * Tenants that share the users evenly, each with agents that every member has run as often as stated. Three log rows an
 * execution: started, halfway, completed.
 */
export async function addAgents(
  client: Client,
  counts: { tenants: number; agentsPerTenant: number; executionsPerMember: number },
): Promise<void> {
  const { tenants, agentsPerTenant, executionsPerMember } = counts;
  await client.query(
    `insert into public.tenants (name, subdomain)
     select 'Tenant ' || n, 'tenant-' || n from generate_series(1, $1::int) n`,
    [tenants],
  );
  await client.query(
    `insert into public.user_tenants (tenant_id, user_id, role)
     select t.id, u.id, 'member'
     from (select id, row_number() over (order by subdomain) as n from public.tenants) t
     join (select id, row_number() over (order by id) as n from auth.users) u on u.n % $1 = t.n % $1`,
    [tenants],
  );
  await client.query(
    `insert into public.agents (name, version, category, output_type, tenant_id, created_at)
     select 'Agent ' || n, '1.0.0', 'analysis', 'text', t.id,
       date_trunc('milliseconds', now()) - make_interval(mins => n)
     from public.tenants t, generate_series(1, $1::int) n`,
    [agentsPerTenant],
  );
  await client.query(
    `insert into public.agent_executions (agent_id, user_id, tenant_id, status, input, output, started_at)
     select a.id, m.user_id, a.tenant_id, 'completed', '{"question": "how far"}', '{"answer": "far"}',
       date_trunc('milliseconds', now()) - make_interval(mins => n)
     from public.agents a
     join public.user_tenants m on m.tenant_id = a.tenant_id, generate_series(1, $1::int) n`,
    [executionsPerMember],
  );
  await client.query(
    `insert into public.agent_execution_logs (execution_id, agent_id, user_id, tenant_id, status, started_at)
     select e.id, e.agent_id, e.user_id, e.tenant_id, s.status, e.started_at
     from public.agent_executions e, unnest(array['started', 'started', 'completed']) s(status)`,
  );
  await client.query(
    'vacuum analyze public.agents, public.agent_executions, public.agent_execution_logs, public.user_tenants',
  );
}
