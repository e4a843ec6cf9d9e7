-- The schema for everything of ours that no REST layer shows, the two roles that Runcast logs in with, and what the
-- platform's own tables leave open: foreign keys without an index, and rows that name a tenant of somebody else.

create schema if not exists runcast;
comment on schema runcast is 'Runcast: the event feed and its functions. Not for a REST layer.';

-- Every function in here is granted by name to the roles that may call it, and its file takes "execute" away from
-- public itself. A default privilege cannot do that: limited to one schema it can only add to the built-in grant,
-- and without that limit it would change what the platform's own functions in public get.
revoke all on schema runcast from public, anon;
grant usage on schema runcast to authenticated, service_role;

-- `migrate:apply` gives both roles a login, a password and their memberships: those differ between Postgres 15 and
-- later, and no password belongs in a file. NOINHERIT: a query that has not said whom it acts for may do nothing.
do $$
begin
  if to_regrole('runcast_api') is null then
    create role runcast_api nologin noinherit;
  end if;
exception when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
  if to_regrole('runcast_worker') is null then
    create role runcast_worker nologin noinherit;
  end if;
exception when duplicate_object or unique_violation then null;
end
$$;

-- Foreign keys that no index leads with: a delete of the row they point to would read the whole table.
create index if not exists idx_user_tenants_user_id on public.user_tenants (user_id);
create index if not exists idx_training_configs_user_id on public.training_configs (user_id);
create index if not exists idx_training_datasets_user_id on public.training_datasets (user_id);
create index if not exists idx_training_config_datasets_dataset_id on public.training_config_datasets (dataset_id);
create index if not exists idx_agents_created_by on public.agents (created_by);
create index if not exists idx_workflows_created_by on public.workflows (created_by);
create index if not exists idx_workflow_execution_logs_tenant_id on public.workflow_execution_logs (tenant_id);
create index if not exists idx_agent_execution_logs_tenant_id on public.agent_execution_logs (tenant_id);

-- The owner's policies look at user_id alone, so a row could be charged to, or shown in, a tenant its writer has
-- nothing to do with. Restrictive policies narrow them and leave their text, and every other client's policy, alone.
create policy agent_executions_tenant_of_writer on public.agent_executions
  as restrictive for insert to authenticated
  with check (tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy workflow_executions_tenant_of_writer on public.workflow_executions
  as restrictive for insert to authenticated
  with check (tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy usage_metrics_tenant_of_writer on public.usage_metrics
  as restrictive for insert to authenticated
  with check (tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy subscriptions_tenant_of_writer on public.subscriptions
  as restrictive for insert to authenticated
  with check (tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy subscriptions_tenant_of_editor on public.subscriptions
  as restrictive for update to authenticated
  with check (tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));

-- A row of nobody's is everybody's to read, which is meant for rows of no tenant.
create policy telemetry_events_tenant_of_reader on public.telemetry_events
  as restrictive for select to authenticated
  using (user_id is not null or tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy telemetry_events_tenant_of_writer on public.telemetry_events
  as restrictive for insert to authenticated
  with check (tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy error_logs_tenant_of_reader on public.error_logs
  as restrictive for select to authenticated
  using (user_id is not null or tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy error_logs_tenant_of_writer on public.error_logs
  as restrictive for insert to authenticated
  with check (tenant_id is null or tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
