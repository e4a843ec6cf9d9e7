import type { Sql } from '../../platform/db/sql.ts';

/** What a change of a workflow is decided by; the JSON columns as they are stored. */
export type WorkflowHead = {
  name: string;
  version: string;
  tenantId: string | null;
  updatedAt: Date;
  trigger: unknown;
  steps: unknown;
  startStepId: string;
  globalRetry: unknown;
  errorHandler: unknown;
};

/** Locks the workflow for the transaction; undefined where the caller may not change it or there is none. */
export async function lockWorkflow(sql: Sql, id: string): Promise<WorkflowHead | undefined> {
  const [row] = await sql.query<WorkflowHead>(
    `select name, version, tenant_id as "tenantId", updated_at as "updatedAt", trigger, steps,
       start_step_id as "startStepId", global_retry as "globalRetry", error_handler as "errorHandler"
     from public.workflows where id = $1 for update`,
    [id],
  );
  return row;
}

/**
 * The versions of the workflows of a name in a tenant. Whoever else asks for them waits until this transaction is over:
 * between reading and writing nobody adds one.
 *
 * @param except the workflow that is about to change
 */
export async function lockVersions(
  sql: Sql,
  of: { tenantId: string | null; name: string },
  except?: string,
): Promise<string[]> {
  await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    JSON.stringify(['workflow', of.tenantId, of.name]),
  ]);
  const rows = await sql.query<{ version: string }>(
    `select version from public.workflows
     where name = $2 and id is distinct from $3::uuid
       and ${of.tenantId === null ? 'tenant_id is null and $1::uuid is null' : 'tenant_id = $1'}`,
    [of.tenantId, of.name, except ?? null],
  );
  return rows.map(({ version }) => version);
}

/** Which of these agents the caller sees. */
export async function visibleAgents(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await sql.query<{ id: string }>('select id from public.agents where id = any($1::uuid[])', [
    ids,
  ]);
  return new Set(rows.map(({ id }) => id));
}

const COPIED = `description, category, trigger, state_schema, initial_state, global_retry, error_handler,
  introspectable, audit_log`;

/** A copy as it is stored, but for its steps, and not enabled; undefined where the caller does not see the original. */
export async function copyWorkflow(
  sql: Sql,
  id: string,
  as: {
    name: string;
    version: string;
    tenantId: string | null;
    createdBy: string | null;
    steps: unknown;
    startStepId: string;
  },
): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(
    `insert into public.workflows (name, version, tenant_id, created_by, steps, start_step_id, enabled, ${COPIED})
     select $2, $3, $4, $5, $6::jsonb, $7, false, ${COPIED} from public.workflows where id = $1
     returning id`,
    [id, as.name, as.version, as.tenantId, as.createdBy, JSON.stringify(as.steps), as.startStepId],
  );
  return row?.id;
}
