import type { Sql } from '../../../platform/db/sql.ts';
import { storableJson } from '../../../platform/feed/events.ts';
import { type Start, startExecution } from '../../../platform/feed/feed.ts';
import type { Definition } from '../definition/definition.ts';
import { planOf } from './plan.ts';
import { givePlan, takeOverSteps } from './sql.ts';

/** A workflow as it is stored: what a run of it is made of. */
export type StoredWorkflow = {
  id: string;
  name: string;
  tenantId: string | null;
  /** Whoever made it; null where that is not known. */
  createdBy: string | null;
  enabled: boolean;
  auditLog: boolean;
  /** The definition's columns, by the names of its schema; whoever wrote the row, anything may stand there. */
  stored: Readonly<Record<string, unknown>>;
};

type Row = Omit<StoredWorkflow, 'stored'> & StoredWorkflow['stored'];

/** The workflow as the connection's role sees it; undefined where it sees none. */
export async function loadWorkflow(sql: Sql, id: string): Promise<StoredWorkflow | undefined> {
  const [row] = await sql.query<Row>(
    `select id, name, tenant_id as "tenantId", created_by as "createdBy", enabled, audit_log as "auditLog", trigger, steps,
       start_step_id as "startStepId", state_schema as "stateSchema", initial_state as "initialState",
       global_retry as "globalRetry", error_handler as "errorHandler"
     from public.workflows where id = $1`,
    [id],
  );
  if (row === undefined) return undefined;
  const { name, tenantId, createdBy, enabled, auditLog, ...columns } = row;
  const { id: _, ...definition } = columns;
  const stored = Object.fromEntries(
    Object.entries(definition).map(([key, value]) => [key, value ?? undefined]),
  );
  return { id: row.id, name, tenantId, createdBy, enabled, auditLog, stored };
}

export type WorkflowStart = Pick<Start, 'idempotencyKey' | 'retryOf' | 'priority' | 'parent' | 'depth'> & {
  workflow: Pick<StoredWorkflow, 'id' | 'tenantId' | 'auditLog'>;
  /** Whose run it is. */
  userId: string;
  input: unknown;
  /** What the program that starts it notes about it, such as the trigger. */
  metadata?: Record<string, unknown>;
};

/**
 * Inserts an execution and starts it, in the transaction that `sql` runs in; as the service role or as its owner.
 *
 * @param definition without faults
 * @returns its id
 * @throws {FeedError} QUEUE_FULL, TOO_DEEP
 */
export async function startWorkflow(
  sql: Sql,
  { definition, ...start }: WorkflowStart & { definition: Definition },
): Promise<string> {
  const { workflow, parent, priority, idempotencyKey, retryOf, depth } = start;
  const executionId = await insert(sql, start, definition.initialState);
  await givePlan(sql, { executionId, plan: planOf(definition), isAudited: workflow.auditLog });
  await startExecution(sql, {
    kind: 'workflow',
    id: executionId,
    tenantId: workflow.tenantId ?? undefined,
    ...{ parent, priority, idempotencyKey, retryOf, depth },
  });
  return executionId;
}

/** As `startWorkflow`, with the plan and the steps of an ended execution up to a step, from which it goes on. */
export async function startFromStep(
  sql: Sql,
  { from, stepId, ...start }: WorkflowStart & { from: string; stepId: string },
): Promise<string> {
  const { workflow, priority, idempotencyKey } = start;
  const executionId = await insert(sql, start, undefined);
  await takeOverSteps(sql, { executionId, from, stepId });
  await startExecution(sql, {
    kind: 'workflow',
    id: executionId,
    tenantId: workflow.tenantId ?? undefined,
    retryOf: from,
    ...{ priority, idempotencyKey },
  });
  return executionId;
}

async function insert(
  sql: Sql,
  { workflow, userId, input, metadata }: WorkflowStart,
  state: unknown,
): Promise<string> {
  const [row] = await sql.query<{ id: string }>(
    `insert into public.workflow_executions (workflow_id, user_id, tenant_id, input, state, metadata)
     values ($1, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb) returning id`,
    [
      workflow.id,
      userId,
      workflow.tenantId,
      storableJson(input ?? {}),
      storableJson(state ?? {}),
      metadata ? storableJson(metadata) : null,
    ],
  );
  if (row === undefined) throw new Error('an insert returned no row');
  return row.id;
}
