-- Telemetry, one row per state an execution passed through, errors and performance figures.

create table public.telemetry_events (
  id uuid primary key default gen_random_uuid(),
  type varchar(50) not null,
  "timestamp" timestamptz not null default now(),
  user_id uuid references auth.users (id) on delete set null,
  tenant_id uuid references public.tenants (id) on delete set null,
  session_id varchar(255),
  properties jsonb not null default '{}',
  metadata jsonb
);
alter table public.telemetry_events enable row level security;
create policy telemetry_events_select_own_or_unowned on public.telemetry_events
  for select to authenticated
  using (user_id is null or user_id = (select auth.uid()));
create policy telemetry_events_insert_own_or_unowned on public.telemetry_events
  for insert to authenticated
  with check (user_id is null or user_id = (select auth.uid()));
comment on table public.telemetry_events is 'What happened, for analytics';

create index idx_telemetry_events_type on public.telemetry_events (type);
create index idx_telemetry_events_user_id on public.telemetry_events (user_id);
create index idx_telemetry_events_tenant_id on public.telemetry_events (tenant_id);
create index idx_telemetry_events_timestamp on public.telemetry_events ("timestamp");

create table public.workflow_execution_logs (
  id uuid primary key default gen_random_uuid(),
  execution_id uuid not null references public.workflow_executions (id) on delete cascade,
  workflow_id uuid not null references public.workflows (id) on delete cascade,
  user_id uuid not null references auth.users (id),
  tenant_id uuid references public.tenants (id) on delete set null,
  status varchar(50) not null,
  started_at timestamptz not null,
  completed_at timestamptz,
  duration integer,
  steps_executed integer not null default 0,
  steps_succeeded integer not null default 0,
  steps_failed integer not null default 0,
  error jsonb,
  input jsonb,
  output jsonb
);
alter table public.workflow_execution_logs enable row level security;
create policy workflow_execution_logs_select_own on public.workflow_execution_logs
  for select to authenticated
  using (user_id = (select auth.uid()));
comment on table public.workflow_execution_logs is 'One row per state a run of the workflow passed through';
comment on column public.workflow_execution_logs.duration is 'Milliseconds';

create index idx_workflow_execution_logs_execution_id on public.workflow_execution_logs (execution_id);
create index idx_workflow_execution_logs_workflow_id on public.workflow_execution_logs (workflow_id);
create index idx_workflow_execution_logs_user_id on public.workflow_execution_logs (user_id);
create index idx_workflow_execution_logs_status on public.workflow_execution_logs (status);
create index idx_workflow_execution_logs_started_at on public.workflow_execution_logs (started_at);

create table public.agent_execution_logs (
  id uuid primary key default gen_random_uuid(),
  execution_id uuid not null references public.agent_executions (id) on delete cascade,
  agent_id uuid not null references public.agents (id) on delete cascade,
  user_id uuid not null references auth.users (id),
  tenant_id uuid references public.tenants (id) on delete set null,
  status varchar(50) not null,
  started_at timestamptz not null,
  completed_at timestamptz,
  duration integer,
  token_usage integer,
  cost numeric(10,4),
  input jsonb,
  output jsonb,
  error jsonb
);
alter table public.agent_execution_logs enable row level security;
create policy agent_execution_logs_select_own on public.agent_execution_logs
  for select to authenticated
  using (user_id = (select auth.uid()));
comment on table public.agent_execution_logs is 'One row per state a run of the agent passed through';
comment on column public.agent_execution_logs.duration is 'Milliseconds';

create index idx_agent_execution_logs_execution_id on public.agent_execution_logs (execution_id);
create index idx_agent_execution_logs_agent_id on public.agent_execution_logs (agent_id);
create index idx_agent_execution_logs_user_id on public.agent_execution_logs (user_id);
create index idx_agent_execution_logs_status on public.agent_execution_logs (status);
create index idx_agent_execution_logs_started_at on public.agent_execution_logs (started_at);

create table public.error_logs (
  id uuid primary key default gen_random_uuid(),
  "timestamp" timestamptz not null default now(),
  user_id uuid references auth.users (id) on delete set null,
  tenant_id uuid references public.tenants (id) on delete set null,
  error jsonb not null,
  context jsonb,
  severity varchar(20) not null default 'medium',
  resolved boolean not null default false
);
alter table public.error_logs enable row level security;
create policy error_logs_select_own_or_unowned on public.error_logs
  for select to authenticated
  using (user_id is null or user_id = (select auth.uid()));
create policy error_logs_insert_own_or_unowned on public.error_logs
  for insert to authenticated
  with check (user_id is null or user_id = (select auth.uid()));
comment on table public.error_logs is 'Errors, with message, name, stack and code';
comment on column public.error_logs.severity is 'low, medium, high or critical';

create index idx_error_logs_user_id on public.error_logs (user_id);
create index idx_error_logs_tenant_id on public.error_logs (tenant_id);
create index idx_error_logs_severity on public.error_logs (severity);
create index idx_error_logs_resolved on public.error_logs (resolved);
create index idx_error_logs_timestamp on public.error_logs ("timestamp");

create table public.performance_metrics (
  id uuid primary key default gen_random_uuid(),
  "timestamp" timestamptz not null default now(),
  metric varchar(100) not null,
  value numeric(12,4) not null,
  unit varchar(20) not null,
  tags jsonb
);
alter table public.performance_metrics enable row level security;
create policy performance_metrics_select_any on public.performance_metrics
  for select to authenticated
  using (true);
comment on table public.performance_metrics is 'Measured figures, by metric and unit';

create index idx_performance_metrics_metric on public.performance_metrics (metric);
create index idx_performance_metrics_timestamp on public.performance_metrics ("timestamp");
