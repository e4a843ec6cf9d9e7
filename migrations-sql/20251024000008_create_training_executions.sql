-- Training runs of every provider. The order of the statements is fixed: guide 1 lists what psql prints for them.

create table public.training_executions (
  id text primary key default ('exec_' || gen_random_uuid()::text),
  user_id uuid not null references auth.users (id) on delete cascade,
  public_id text not null,
  method text not null,
  provider text not null,
  status text not null default 'pending',
  progress integer not null default 0,
  colab_url text,
  huggingface_url text,
  openai_job_id text,
  callback_url text,
  config jsonb not null default '{}',
  logs text[] not null default '{}',
  error text,
  result jsonb,
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index idx_training_executions_user_id on public.training_executions (user_id);
create index idx_training_executions_public_id on public.training_executions (public_id);
create index idx_training_executions_status on public.training_executions (status);
create index idx_training_executions_provider on public.training_executions (provider);
create index idx_training_executions_openai_job on public.training_executions (openai_job_id);

alter table public.training_executions enable row level security;

create policy training_executions_select_own on public.training_executions
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy training_executions_insert_own on public.training_executions
  for insert to authenticated
  with check (user_id = (select auth.uid()));

create policy training_executions_update_own on public.training_executions
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

create policy training_executions_delete_own on public.training_executions
  for delete to authenticated
  using (user_id = (select auth.uid()));

create or replace function public.update_training_executions_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create trigger update_training_executions_updated_at
  before update on public.training_executions
  for each row execute function public.update_training_executions_updated_at();

comment on table public.training_executions is 'Training runs across all providers (colab, huggingface, openai, local)';
comment on column public.training_executions.status is 'pending, running, completed, failed or cancelled';
comment on column public.training_executions.progress is 'Percent, 0 to 100';
comment on column public.training_executions.logs is 'The newest log lines, oldest first';

do $$
begin
  raise notice '=== Training Executions Table Created ===';
  raise notice 'Table: training_executions';
  raise notice 'Providers: colab, huggingface, openai, local';
  raise notice 'RLS: Enabled with user isolation';
  raise notice 'OpenAI support: job_id tracking and hyperparameters';
end
$$;
