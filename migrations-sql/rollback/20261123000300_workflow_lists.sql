drop index if exists public.idx_workflows_tenant_id_updated_at;
drop index if exists public.idx_workflows_tenant_id_name;
drop index if exists public.idx_workflow_execution_logs_execution_id_started_at;
