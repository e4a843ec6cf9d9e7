-- The platform's policies say again what they said; column grants stay, since table_grants.sql makes them.
alter table public.agents alter column tenant_id reset (n_distinct);
alter table public.workflows alter column tenant_id reset (n_distinct);

drop index if exists
  public.idx_agents_tenant_id_created_at, public.idx_workflows_tenant_id_created_at,
  public.idx_agent_executions_user_id_started_at, public.idx_agent_executions_agent_id_user_id_started_at,
  public.idx_workflow_executions_user_id_started_at, public.idx_workflow_executions_workflow_id_user_id_started_at,
  public.idx_agent_execution_logs_user_id_started_at, public.idx_workflow_execution_logs_user_id_started_at,
  public.idx_subscriptions_user_id_created_at, public.idx_subscriptions_tenant_id_created_at,
  public.idx_usage_metrics_user_id_timestamp, public.idx_usage_metrics_tenant_id_timestamp,
  public.idx_billing_events_user_id_timestamp, public.idx_telemetry_events_user_id_timestamp,
  public.idx_error_logs_user_id_timestamp, public.idx_user_tenants_tenant_id_created_at;

drop trigger if exists runcast_updated_at on public.tenants;
drop trigger if exists runcast_keep_origin on public.agents;
drop trigger if exists runcast_keep_origin on public.workflows;
drop function if exists runcast.keep_origin();

drop policy if exists agents_seen_by_role on public.agents;
drop policy if exists agents_made_by_role on public.agents;
drop policy if exists agents_changed_by_role on public.agents;
drop policy if exists agents_deleted_by_role on public.agents;
drop policy if exists workflows_seen_by_role on public.workflows;
drop policy if exists workflows_made_by_role on public.workflows;
drop policy if exists workflows_changed_by_role on public.workflows;
drop policy if exists workflows_deleted_by_role on public.workflows;
drop policy if exists agent_executions_of_visible_agent on public.agent_executions;
drop policy if exists workflow_executions_of_visible_workflow on public.workflow_executions;
drop policy if exists usage_metrics_by_role on public.usage_metrics;
drop policy if exists subscriptions_unpaid_alone on public.subscriptions;
drop policy if exists telemetry_events_seen_by_owner on public.telemetry_events;
drop policy if exists telemetry_events_made_by_owner on public.telemetry_events;
drop policy if exists error_logs_seen_by_owner on public.error_logs;
drop policy if exists error_logs_made_by_owner on public.error_logs;
drop policy if exists tenants_update_admins on public.tenants;
drop policy if exists error_logs_update_own on public.error_logs;

do $$
declare
  v_mine constant text := 'user_id = (select auth.uid())';
  v_active constant text := '(select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = ''active'')';
  v_members constant text := 'tenant_id in ' || v_active;
  v_readers constant text := 'user_id is not null or tenant_id is null or tenant_id in ' || v_active;
  v_policy record;
begin
  for v_policy in
    select * from (values
      ('agents', 'agents_select_members', v_members, null),
      ('agents', 'agents_insert_members', null, v_members),
      ('agents', 'agents_update_members', v_members, v_members),
      ('agents', 'agents_delete_members', v_members, null),
      ('workflows', 'workflows_select_members', v_members, null),
      ('workflows', 'workflows_insert_members', null, v_members),
      ('workflows', 'workflows_update_members', v_members, v_members),
      ('workflows', 'workflows_delete_members', v_members, null),
      ('usage_metrics', 'usage_metrics_select_own', v_mine, null),
      ('subscriptions', 'subscriptions_select_own', v_mine, null),
      ('tenants', 'tenants_select_members', 'id in ' || v_active, null),
      ('user_tenants', 'user_tenants_select_own', v_mine, null),
      ('telemetry_events', 'telemetry_events_tenant_of_reader', v_readers, null),
      ('error_logs', 'error_logs_tenant_of_reader', v_readers, null)
    ) as p (table_name, name, using_text, check_text)
  loop
    continue when not exists (
      select from pg_catalog.pg_policies
      where schemaname = 'public' and tablename = v_policy.table_name and policyname = v_policy.name);
    execute format('alter policy %I on public.%I', v_policy.name, v_policy.table_name)
      || coalesce(' using (' || v_policy.using_text || ')', '')
      || coalesce(' with check (' || v_policy.check_text || ')', '');
  end loop;
end
$$;

drop function if exists runcast.tenants_of_caller(text[]);
