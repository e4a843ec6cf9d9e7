-- Who sees and does what, by role in a tenant; docs/security.md has it as a table. What is narrower than the platform's
-- own policies is restrictive, so that it holds whatever theirs are called and say. What is wider, and what planned
-- badly, is stated by our own text of the one permissive policy, which holds the platform's condition.

-- One call for a whole statement, as a scalar subselect: an InitPlan, whose array an index is searched by. A policy that
-- says `tenant_id in (select …)` is a hashed SubPlan, which no index serves: it read all rows of all tenants. PL/pgSQL
-- keeps its plan from one call to the next, SQL functions do so from Postgres 18 on.
create function runcast.tenants_of_caller(roles text[] default null) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active' and (roles is null or ut.role = any (roles)));
end
$$;
comment on function runcast.tenants_of_caller(text[]) is
  'The tenants in which the caller is an active member with one of the roles; null: with any role';

-- A function that is called from policies is called by the role that queries.
revoke execute on function runcast.tenants_of_caller(text[]) from public, anon, authenticated;
grant execute on function runcast.tenants_of_caller(text[]) to authenticated, service_role;

-- The platform's own permissive policies in our words. Where a policy has another name, since the platform's files made
-- it, it stays as it is and the restrictive ones below narrow it; what widens comes in addition.
do $$
declare
  v_mine constant text := 'user_id = (select auth.uid())';
  v_members constant text := 'tenant_id = any ((select runcast.tenants_of_caller())::uuid[])';
  v_payers constant text := 'tenant_id = any ((select runcast.tenants_of_caller(array[''admin'', ''billing'']))::uuid[])';
  v_policy record;
begin
  for v_policy in
    select * from (values
      ('agents', 'agents_select_members', 'select', v_members, null, false),
      ('agents', 'agents_insert_members', 'insert', null, v_members, false),
      ('agents', 'agents_update_members', 'update', v_members, v_members, false),
      ('agents', 'agents_delete_members', 'delete', v_members, null, false),
      ('workflows', 'workflows_select_members', 'select', v_members, null, false),
      ('workflows', 'workflows_insert_members', 'insert', null, v_members, false),
      ('workflows', 'workflows_update_members', 'update', v_members, v_members, false),
      ('workflows', 'workflows_delete_members', 'delete', v_members, null, false),
      -- Wider: admins and the billing role see what their tenant has used and pays.
      ('usage_metrics', 'usage_metrics_select_own', 'select', v_mine || ' or ' || v_payers, null, true),
      ('subscriptions', 'subscriptions_select_own', 'select', v_mine || ' or ' || v_payers, null, true),
      -- Wider: members see each other, and admins change what their tenant is called.
      ('tenants', 'tenants_select_members', 'select',
        'id = any ((select runcast.tenants_of_caller())::uuid[])', null, true),
      ('tenants', 'tenants_update_admins', 'update',
        'id = any ((select runcast.tenants_of_caller(array[''admin'']))::uuid[])',
        'id = any ((select runcast.tenants_of_caller(array[''admin'']))::uuid[])', true),
      ('user_tenants', 'user_tenants_select_own', 'select', v_mine || ' or ' || v_members, null, true),
      -- Wider: the column resolved, which is all that is granted.
      ('error_logs', 'error_logs_update_own', 'update', v_mine, v_mine, true)
    ) as p (table_name, name, command, using_text, check_text, is_wider)
  loop
    if exists (
      select from pg_catalog.pg_policies
      where schemaname = 'public' and tablename = v_policy.table_name and policyname = v_policy.name)
    then
      execute format('alter policy %I on public.%I', v_policy.name, v_policy.table_name)
        || coalesce(' using (' || v_policy.using_text || ')', '')
        || coalesce(' with check (' || v_policy.check_text || ')', '');
    elsif v_policy.is_wider then
      execute format('create policy %I on public.%I for %s to authenticated', v_policy.name, v_policy.table_name,
          v_policy.command)
        || coalesce(' using (' || v_policy.using_text || ')', '')
        || coalesce(' with check (' || v_policy.check_text || ')', '');
    end if;
  end loop;
end
$$;

-- Agents and workflows: viewers read, members write and delete what they made, admins delete any; the billing role
-- sees none. Rows of no tenant are for service_role alone.
create policy agents_seen_by_role on public.agents
  as restrictive for select to authenticated
  using (tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member', 'viewer']))::uuid[]));
create policy agents_made_by_role on public.agents
  as restrictive for insert to authenticated
  with check (
    tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[])
    and (created_by is null or created_by = (select auth.uid())));
create policy agents_changed_by_role on public.agents
  as restrictive for update to authenticated
  using (tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[]))
  with check (tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[]));
create policy agents_deleted_by_role on public.agents
  as restrictive for delete to authenticated
  using (
    tenant_id = any ((select runcast.tenants_of_caller(array['admin']))::uuid[])
    or (created_by = (select auth.uid())
      and tenant_id = any ((select runcast.tenants_of_caller(array['member']))::uuid[])));

create policy workflows_seen_by_role on public.workflows
  as restrictive for select to authenticated
  using (tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member', 'viewer']))::uuid[]));
create policy workflows_made_by_role on public.workflows
  as restrictive for insert to authenticated
  with check (
    tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[])
    and (created_by is null or created_by = (select auth.uid())));
create policy workflows_changed_by_role on public.workflows
  as restrictive for update to authenticated
  using (tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[]))
  with check (tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[]));
create policy workflows_deleted_by_role on public.workflows
  as restrictive for delete to authenticated
  using (
    tenant_id = any ((select runcast.tenants_of_caller(array['admin']))::uuid[])
    or (created_by = (select auth.uid())
      and tenant_id = any ((select runcast.tenants_of_caller(array['member']))::uuid[])));

-- Who may delete hangs on created_by, and whose it is on tenant_id: a member who could write them could take over and
-- delete what others made. A trigger and no column grant, since clients that write a whole row back write them as they
-- were.
create function runcast.keep_origin() returns trigger
language plpgsql set search_path = '' as $$
begin
  if current_user in ('authenticated', 'anon') then
    raise exception 'created_by and tenant_id of % stay as they are', tg_table_name
      using errcode = 'insufficient_privilege', hint = 'Make a copy in the other tenant and delete this one.';
  end if;
  return new;
end
$$;
revoke execute on function runcast.keep_origin() from public, anon, authenticated;
create trigger runcast_keep_origin before update on public.agents
  for each row when ((old.created_by, old.tenant_id) is distinct from (new.created_by, new.tenant_id))
  execute function runcast.keep_origin();
create trigger runcast_keep_origin before update on public.workflows
  for each row when ((old.created_by, old.tenant_id) is distinct from (new.created_by, new.tenant_id))
  execute function runcast.keep_origin();

-- Executions: a foreign key finds rows that the caller does not see, so somebody could run, and probe for, another
-- tenant's agent by its id. A tenant is charged by its members and admins.
create policy agent_executions_of_visible_agent on public.agent_executions
  as restrictive for insert to authenticated
  with check (
    exists (select from public.agents a where a.id = agent_id)
    and (tenant_id is null
      or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[])));
create policy workflow_executions_of_visible_workflow on public.workflow_executions
  as restrictive for insert to authenticated
  with check (
    exists (select from public.workflows w where w.id = workflow_id)
    and (tenant_id is null
      or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[])));

-- A negative quantity would lower somebody's bill.
create policy usage_metrics_by_role on public.usage_metrics
  as restrictive for insert to authenticated
  with check (
    quantity >= 0
    and (tenant_id is null
      or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member', 'billing']))::uuid[])));

-- What is paid for comes from Stripe by way of service_role; a tenant's plan is its newest subscription's, so only
-- those who see its bills may add one.
create policy subscriptions_unpaid_alone on public.subscriptions
  as restrictive for insert to authenticated
  with check (
    tier in ('free', 'trial') and stripe_subscription_id is null and stripe_customer_id is null
    and (tenant_id is null
      or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'billing']))::uuid[])));

-- Telemetry and errors: nobody's rows are for service_role alone, and nobody writes in another's name or in none.
create policy telemetry_events_seen_by_owner on public.telemetry_events
  as restrictive for select to authenticated
  using (user_id = (select auth.uid()));
create policy telemetry_events_made_by_owner on public.telemetry_events
  as restrictive for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy error_logs_seen_by_owner on public.error_logs
  as restrictive for select to authenticated
  using (user_id = (select auth.uid()));
create policy error_logs_made_by_owner on public.error_logs
  as restrictive for insert to authenticated
  with check (user_id = (select auth.uid()));

-- Ours, from 20261122000000. With the two above they decide nothing any more; as they were they cost a hashed SubPlan.
alter policy telemetry_events_tenant_of_reader on public.telemetry_events
  using (user_id is not null or tenant_id is null
    or tenant_id = any ((select runcast.tenants_of_caller())::uuid[]));
alter policy error_logs_tenant_of_reader on public.error_logs
  using (user_id is not null or tenant_id is null
    or tenant_id = any ((select runcast.tenants_of_caller())::uuid[]));

-- A guard against lost updates compares updated_at.
create trigger runcast_updated_at before update on public.tenants
  for each row execute function public.update_updated_at_column();

-- A list of 20 is 20 rows of an index, however many rows others have: what the policy asks for, then the order.
create index if not exists idx_agents_tenant_id_created_at on public.agents (tenant_id, created_at desc, id desc);
create index if not exists idx_workflows_tenant_id_created_at on public.workflows (tenant_id, created_at desc, id desc);
create index if not exists idx_agent_executions_user_id_started_at
  on public.agent_executions (user_id, started_at desc, id desc);
create index if not exists idx_agent_executions_agent_id_user_id_started_at
  on public.agent_executions (agent_id, user_id, started_at desc, id desc);
create index if not exists idx_workflow_executions_user_id_started_at
  on public.workflow_executions (user_id, started_at desc, id desc);
create index if not exists idx_workflow_executions_workflow_id_user_id_started_at
  on public.workflow_executions (workflow_id, user_id, started_at desc, id desc);
create index if not exists idx_agent_execution_logs_user_id_started_at
  on public.agent_execution_logs (user_id, started_at desc, id desc);
create index if not exists idx_workflow_execution_logs_user_id_started_at
  on public.workflow_execution_logs (user_id, started_at desc, id desc);
create index if not exists idx_subscriptions_user_id_created_at
  on public.subscriptions (user_id, created_at desc, id desc);
create index if not exists idx_subscriptions_tenant_id_created_at
  on public.subscriptions (tenant_id, created_at desc, id desc);
create index if not exists idx_usage_metrics_user_id_timestamp
  on public.usage_metrics (user_id, "timestamp" desc, id desc);
create index if not exists idx_usage_metrics_tenant_id_timestamp
  on public.usage_metrics (tenant_id, "timestamp" desc, id desc);
create index if not exists idx_billing_events_user_id_timestamp
  on public.billing_events (user_id, "timestamp" desc, id desc);
create index if not exists idx_telemetry_events_user_id_timestamp
  on public.telemetry_events (user_id, "timestamp" desc, id desc);
create index if not exists idx_error_logs_user_id_timestamp on public.error_logs (user_id, "timestamp" desc, id desc);
create index if not exists idx_user_tenants_tenant_id_created_at
  on public.user_tenants (tenant_id, created_at, user_id);

-- The planner does not know the InitPlan's array and takes it for ten tenants of average size: with one large tenant
-- beside a small one that was every row, and it read them all. Told that a tenant has few agents, it asks the index
-- for the caller's tenants and sorts what it finds. Takes effect with the next ANALYZE.
alter table public.agents alter column tenant_id set (n_distinct = -1);
alter table public.workflows alter column tenant_id set (n_distinct = -1);
analyze public.agents (tenant_id), public.workflows (tenant_id);
