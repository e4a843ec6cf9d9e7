import type { Sql } from '../../platform/db/sql.ts';
import type { Head } from '../agents/versioned.ts';

/** What a change of a workflow is decided by; the JSON columns as they are stored. */
export type WorkflowHead = Head & {
  trigger: unknown;
  steps: unknown;
  startStepId: string;
  globalRetry: unknown;
  errorHandler: unknown;
};

/** The columns of a WorkflowHead that no other Head has. */
export const DEFINITION = `trigger, steps, start_step_id as "startStepId", global_retry as "globalRetry",
  error_handler as "errorHandler"`;

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
