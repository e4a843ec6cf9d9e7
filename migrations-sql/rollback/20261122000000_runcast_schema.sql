-- The login roles stay: they belong to the cluster, and another database may use them. `migrate:apply` makes the
-- schema runcast again; what later migrations put into it is taken down with them first, hence no cascade.
drop policy if exists agent_executions_tenant_of_writer on public.agent_executions;
drop policy if exists workflow_executions_tenant_of_writer on public.workflow_executions;
drop policy if exists usage_metrics_tenant_of_writer on public.usage_metrics;
drop policy if exists subscriptions_tenant_of_writer on public.subscriptions;
drop policy if exists subscriptions_tenant_of_editor on public.subscriptions;
drop policy if exists telemetry_events_tenant_of_reader on public.telemetry_events;
drop policy if exists telemetry_events_tenant_of_writer on public.telemetry_events;
drop policy if exists error_logs_tenant_of_reader on public.error_logs;
drop policy if exists error_logs_tenant_of_writer on public.error_logs;

drop index if exists
  public.idx_user_tenants_user_id, public.idx_training_configs_user_id, public.idx_training_datasets_user_id,
  public.idx_training_config_datasets_dataset_id, public.idx_agents_created_by, public.idx_workflows_created_by,
  public.idx_workflow_execution_logs_tenant_id, public.idx_agent_execution_logs_tenant_id;

drop schema if exists runcast;
