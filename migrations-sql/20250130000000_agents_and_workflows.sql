-- Agents, workflows and their executions. Policies name public.user_tenants, so that table comes first.

create or replace function public.update_updated_at_column() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create table public.agents (
  id uuid primary key default gen_random_uuid(),
  name varchar(200) not null,
  description text,
  version varchar(20) not null,
  category varchar(50) not null,
  planning_style varchar(50) not null default 'sequential',
  capabilities jsonb not null default '{}',
  tools jsonb not null default '[]',
  execution_config jsonb not null default '{}',
  memory_config jsonb,
  safety_constraints jsonb not null default '{}',
  validation_schema jsonb,
  output_type varchar(50) not null,
  output_schema jsonb,
  enabled boolean not null default true,
  deprecated boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid references auth.users (id),
  tenant_id uuid references public.tenants (id) on delete cascade
);
alter table public.agents enable row level security;
create policy agents_select_members on public.agents
  for select to authenticated
  using (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy agents_insert_members on public.agents
  for insert to authenticated
  with check (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy agents_update_members on public.agents
  for update to authenticated
  using (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'))
  with check (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy agents_delete_members on public.agents
  for delete to authenticated
  using (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
comment on table public.agents is 'Agent definitions';
comment on column public.agents.version is 'Semantic version';
comment on column public.agents.planning_style is 'sequential, parallel, hierarchical, reactive or hybrid';

create index idx_agents_tenant_id on public.agents (tenant_id);
create index idx_agents_enabled on public.agents (enabled);
create index idx_agents_category on public.agents (category);

create trigger update_agents_updated_at
  before update on public.agents
  for each row execute function public.update_updated_at_column();

create table public.agent_executions (
  id uuid primary key default gen_random_uuid(),
  agent_id uuid not null references public.agents (id) on delete cascade,
  user_id uuid not null references auth.users (id),
  tenant_id uuid references public.tenants (id) on delete cascade,
  status varchar(50) not null default 'pending',
  input jsonb not null default '{}',
  output jsonb,
  error jsonb,
  metrics jsonb,
  started_at timestamptz not null default now(),
  completed_at timestamptz,
  metadata jsonb
);
alter table public.agent_executions enable row level security;
create policy agent_executions_select_own on public.agent_executions
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy agent_executions_insert_own on public.agent_executions
  for insert to authenticated
  with check (user_id = (select auth.uid()));
comment on table public.agent_executions is 'Runs of agents';

create index idx_agent_executions_agent_id on public.agent_executions (agent_id);
create index idx_agent_executions_user_id on public.agent_executions (user_id);
create index idx_agent_executions_tenant_id on public.agent_executions (tenant_id);
create index idx_agent_executions_status on public.agent_executions (status);
create index idx_agent_executions_started_at on public.agent_executions (started_at);

create table public.workflows (
  id uuid primary key default gen_random_uuid(),
  name varchar(200) not null,
  description text,
  version varchar(20) not null,
  trigger jsonb not null,
  steps jsonb not null default '[]',
  start_step_id uuid not null,
  state_schema jsonb,
  initial_state jsonb,
  global_retry jsonb,
  error_handler jsonb,
  category varchar(50) not null,
  enabled boolean not null default true,
  deprecated boolean not null default false,
  introspectable boolean not null default true,
  audit_log boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid references auth.users (id),
  tenant_id uuid references public.tenants (id) on delete cascade
);
alter table public.workflows enable row level security;
create policy workflows_select_members on public.workflows
  for select to authenticated
  using (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy workflows_insert_members on public.workflows
  for insert to authenticated
  with check (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy workflows_update_members on public.workflows
  for update to authenticated
  using (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'))
  with check (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
create policy workflows_delete_members on public.workflows
  for delete to authenticated
  using (tenant_id in (
    select ut.tenant_id from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'active'));
comment on table public.workflows is 'Workflow definitions';

create index idx_workflows_tenant_id on public.workflows (tenant_id);
create index idx_workflows_enabled on public.workflows (enabled);
create index idx_workflows_category on public.workflows (category);

create trigger update_workflows_updated_at
  before update on public.workflows
  for each row execute function public.update_updated_at_column();

create table public.workflow_executions (
  id uuid primary key default gen_random_uuid(),
  workflow_id uuid not null references public.workflows (id) on delete cascade,
  user_id uuid not null references auth.users (id),
  tenant_id uuid references public.tenants (id) on delete cascade,
  status varchar(50) not null default 'pending',
  input jsonb not null default '{}',
  output jsonb,
  error jsonb,
  metrics jsonb,
  started_at timestamptz not null default now(),
  completed_at timestamptz,
  metadata jsonb,
  state jsonb
);
alter table public.workflow_executions enable row level security;
create policy workflow_executions_select_own on public.workflow_executions
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy workflow_executions_insert_own on public.workflow_executions
  for insert to authenticated
  with check (user_id = (select auth.uid()));
comment on table public.workflow_executions is 'Runs of workflows';

create index idx_workflow_executions_workflow_id on public.workflow_executions (workflow_id);
create index idx_workflow_executions_user_id on public.workflow_executions (user_id);
create index idx_workflow_executions_tenant_id on public.workflow_executions (tenant_id);
create index idx_workflow_executions_status on public.workflow_executions (status);
create index idx_workflow_executions_started_at on public.workflow_executions (started_at);

