import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import type { User } from './api.ts';

/** A tenant with these members, straight into the tables. */
export async function insertTenant(
  admin: Client,
  members: readonly { user: Pick<User, 'id'>; role: string; status?: string }[],
): Promise<string> {
  const id = randomUUID();
  await admin.query('insert into public.tenants (id, name, subdomain) values ($1, $2, $3)', [
    id,
    'A tenant',
    `tenant-${id}`,
  ]);
  for (const { user, role, status = 'active' } of members) {
    await admin.query(
      'insert into public.user_tenants (tenant_id, user_id, role, status) values ($1, $2, $3, $4)',
      [id, user.id, role, status],
    );
  }
  return id;
}

/** Columns beyond those without a default; JSON columns take any JSON. */
export type AgentValues = {
  name?: string;
  version?: string;
  category?: string;
  planningStyle?: string;
  outputType?: string;
  capabilities?: unknown;
  tools?: unknown;
  executionConfig?: unknown;
  memoryConfig?: unknown;
  safetyConstraints?: unknown;
  createdBy?: string;
};

export async function insertAgent(
  admin: Client,
  tenantId: string | null,
  values: AgentValues = {},
): Promise<string> {
  const json = (value: unknown, none: unknown) => JSON.stringify(value === undefined ? none : value);
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.agents (tenant_id, name, version, category, planning_style, output_type, capabilities, tools,
       execution_config, memory_config, safety_constraints, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id`,
    [
      tenantId,
      values.name ?? `agent ${randomUUID()}`,
      values.version ?? '1.0.0',
      values.category ?? 'analysis',
      values.planningStyle ?? 'sequential',
      values.outputType ?? 'text',
      json(values.capabilities, {}),
      json(values.tools, []),
      json(values.executionConfig, {}),
      values.memoryConfig === undefined ? null : json(values.memoryConfig, null),
      json(values.safetyConstraints, {}),
      values.createdBy ?? null,
    ],
  );
  return rows[0]?.id ?? '';
}

export async function insertAgentExecution(
  admin: Client,
  of: { agentId: string; userId: string; tenantId?: string | null },
  values: { status?: string; error?: unknown; metrics?: unknown; startedAt?: string } = {},
): Promise<string> {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.agent_executions (agent_id, user_id, tenant_id, status, error, metrics, started_at)
     values ($1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, now())) returning id`,
    [
      of.agentId,
      of.userId,
      of.tenantId ?? null,
      values.status ?? 'pending',
      values.error === undefined ? null : JSON.stringify(values.error),
      values.metrics === undefined ? null : JSON.stringify(values.metrics),
      values.startedAt ?? null,
    ],
  );
  return rows[0]?.id ?? '';
}
