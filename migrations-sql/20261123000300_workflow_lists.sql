-- What the lists of workflows and of their runs are ordered by, id as the tie-breaker; those that are asked for most have
-- their indexes since 20261123000000.

create index idx_workflows_tenant_id_updated_at on public.workflows (tenant_id, updated_at desc, id desc);
-- Also finds the versions of a name, which create, update and clone look at.
create index idx_workflows_tenant_id_name on public.workflows (tenant_id, name, id);
create index idx_workflow_execution_logs_execution_id_started_at
  on public.workflow_execution_logs (execution_id, started_at, id);
