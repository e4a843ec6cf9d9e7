import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';

/** Columns beyond those without a default; JSON columns take any JSON. */
export type WorkflowValues = {
  name?: string;
  version?: string;
  category?: string;
  trigger?: unknown;
  steps?: unknown;
  startStepId?: string;
  globalRetry?: unknown;
  errorHandler?: unknown;
  enabled?: boolean;
  createdBy?: string;
  createdAt?: string;
};

const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));

export async function insertWorkflow(
  admin: Client,
  tenantId: string | null,
  values: WorkflowValues = {},
): Promise<string> {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.workflows (tenant_id, name, version, category, trigger, steps, start_step_id, global_retry,
       error_handler, enabled, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12::timestamptz, now())) returning id`,
    [
      tenantId,
      values.name ?? `workflow ${randomUUID()}`,
      values.version ?? '1.0.0',
      values.category ?? 'automation',
      json(values.trigger ?? { type: 'manual' }),
      json(values.steps ?? []),
      values.startStepId ?? randomUUID(),
      json(values.globalRetry),
      json(values.errorHandler),
      values.enabled ?? true,
      values.createdBy ?? null,
      values.createdAt ?? null,
    ],
  );
  return rows[0]?.id ?? '';
}

export async function insertWorkflowExecution(
  admin: Client,
  of: { workflowId: string; userId: string; tenantId?: string | null },
  values: { status?: string; error?: unknown; metrics?: unknown; state?: unknown; startedAt?: string } = {},
): Promise<string> {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.workflow_executions (workflow_id, user_id, tenant_id, status, error, metrics, state, started_at)
     values ($1, $2, $3, $4, $5, $6, $7, coalesce($8::timestamptz, now())) returning id`,
    [
      of.workflowId,
      of.userId,
      of.tenantId ?? null,
      values.status ?? 'pending',
      json(values.error),
      json(values.metrics),
      json(values.state),
      values.startedAt ?? null,
    ],
  );
  return rows[0]?.id ?? '';
}

/** A state that an execution passed through. */
export async function insertWorkflowState(
  admin: Client,
  of: { executionId: string; workflowId: string; userId: string },
  values: { status: string; startedAt?: string; stepsExecuted?: number },
): Promise<string> {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.workflow_execution_logs (execution_id, workflow_id, user_id, status, started_at, steps_executed)
     values ($1, $2, $3, $4, coalesce($5::timestamptz, now()), $6) returning id`,
    [
      of.executionId,
      of.workflowId,
      of.userId,
      values.status,
      values.startedAt ?? null,
      values.stepsExecuted ?? 0,
    ],
  );
  return rows[0]?.id ?? '';
}
