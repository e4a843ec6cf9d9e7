-- Billing subscriptions as Stripe knows them, metered usage, and the history of billing events.

create table public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tenant_id uuid references public.tenants (id) on delete cascade,
  tier varchar(50) not null,
  status varchar(50) not null default 'trialing',
  stripe_subscription_id varchar(255) unique,
  stripe_customer_id varchar(255),
  current_period_start timestamptz not null,
  current_period_end timestamptz not null,
  cancel_at_period_end boolean not null default false,
  canceled_at timestamptz,
  trial_start timestamptz,
  trial_end timestamptz,
  metadata jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table public.subscriptions enable row level security;
create policy subscriptions_select_own on public.subscriptions
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy subscriptions_insert_own on public.subscriptions
  for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy subscriptions_update_own on public.subscriptions
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));
comment on table public.subscriptions is 'Billing subscriptions';
comment on column public.subscriptions.tier is 'free, trial, starter, pro or enterprise';

create index idx_subscriptions_user_id on public.subscriptions (user_id);
create index idx_subscriptions_tenant_id on public.subscriptions (tenant_id);
create index idx_subscriptions_status on public.subscriptions (status);
create index idx_subscriptions_stripe_subscription_id on public.subscriptions (stripe_subscription_id);

create trigger update_subscriptions_updated_at
  before update on public.subscriptions
  for each row execute function public.update_updated_at_column();

create table public.usage_metrics (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tenant_id uuid references public.tenants (id) on delete cascade,
  metric_type varchar(50) not null,
  quantity integer not null default 0,
  "timestamp" timestamptz not null default now(),
  metadata jsonb
);
alter table public.usage_metrics enable row level security;
create policy usage_metrics_select_own on public.usage_metrics
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy usage_metrics_insert_own on public.usage_metrics
  for insert to authenticated
  with check (user_id = (select auth.uid()));
comment on table public.usage_metrics is 'Metered usage';

create index idx_usage_metrics_user_id on public.usage_metrics (user_id);
create index idx_usage_metrics_tenant_id on public.usage_metrics (tenant_id);
create index idx_usage_metrics_metric_type on public.usage_metrics (metric_type);
create index idx_usage_metrics_timestamp on public.usage_metrics ("timestamp");

create table public.billing_events (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  event_type varchar(50) not null,
  data jsonb not null default '{}',
  "timestamp" timestamptz not null default now()
);
alter table public.billing_events enable row level security;
create policy billing_events_select_own on public.billing_events
  for select to authenticated
  using (user_id = (select auth.uid()));
comment on table public.billing_events is 'History of billing events';

create index idx_billing_events_user_id on public.billing_events (user_id);
create index idx_billing_events_event_type on public.billing_events (event_type);
create index idx_billing_events_timestamp on public.billing_events ("timestamp");
