import type { Sql } from '../../platform/db/sql.ts';

/** What a change of an agent is decided by. */
export type AgentHead = { name: string; version: string; tenantId: string | null; updatedAt: Date };

/** Locks the agent for the transaction; undefined where the caller may not change it or there is none. */
export async function lockAgent(sql: Sql, id: string): Promise<AgentHead | undefined> {
  const [row] = await sql.query<AgentHead>(
    `select name, version, tenant_id as "tenantId", updated_at as "updatedAt" from public.agents
     where id = $1 for update`,
    [id],
  );
  return row;
}

/** Which of these agents the caller sees. */
export async function visibleAgents(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  const rows = await sql.query<{ id: string }>('select id from public.agents where id = any($1::uuid[])', [
    ids,
  ]);
  return new Set(rows.map(({ id }) => id));
}

/**
 * The versions of the agents of a name in a tenant. Whoever else asks for them waits until this transaction is over:
 * between reading and writing nobody adds one.
 *
 * @param except the agent that is about to change
 */
export async function lockVersions(
  sql: Sql,
  of: { tenantId: string | null; name: string },
  except?: string,
): Promise<string[]> {
  await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    JSON.stringify(['agent', of.tenantId, of.name]),
  ]);
  const rows = await sql.query<{ version: string }>(
    `select version from public.agents
     where name = $2 and id is distinct from $3::uuid
       and ${of.tenantId === null ? 'tenant_id is null and $1::uuid is null' : 'tenant_id = $1'}`,
    [of.tenantId, of.name, except ?? null],
  );
  return rows.map(({ version }) => version);
}

const COPIED = `description, category, planning_style, capabilities, tools, execution_config, memory_config,
  safety_constraints, validation_schema, output_type, output_schema`;

/** A copy as it is stored, whatever that is; undefined where the caller does not see the original. */
export async function copyAgent(
  sql: Sql,
  id: string,
  as: { name: string; version: string; tenantId: string | null; createdBy: string | null },
): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(
    `insert into public.agents (name, version, tenant_id, created_by, ${COPIED})
     select $2, $3, $4, $5, ${COPIED} from public.agents where id = $1
     returning id`,
    [id, as.name, as.version, as.tenantId, as.createdBy],
  );
  return row?.id;
}
