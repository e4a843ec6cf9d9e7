-- Sums of metered usage, kept by triggers on usage_metrics, so that a month of a tenant with millions of rows is
-- reported from some thousands of sums; and the idempotency keys under which usage was recorded.
--
-- A cell is a quarter of an hour of UTC: every timezone has been a multiple of 15 minutes away from it since 1972, so
-- the hours, days, weeks and months of any of them are made of whole cells.
--
-- The triggers only ever insert, one delta per statement and sum that it changes, and runcast.compact_usage later adds
-- the deltas up, one compactor at a time. Adding to the sums in the trigger itself makes everybody who records the same
-- metric in the same quarter of an hour wait for the one before to commit, and deadlocks two transactions that record
-- two metrics in two orders, however each statement sorts its own (figures in docs/performance.md). What is reported is
-- sums plus deltas, so it is exact to the transaction, whether compacted or not.

create table runcast.usage_deltas (
  user_id uuid not null,
  tenant_id uuid,
  metric_type text not null,
  cell timestamptz not null,
  quantity bigint not null,
  records bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000); -- a queue: as many dead as ever lived
alter table runcast.usage_deltas enable row level security;
create policy usage_deltas_select_own on runcast.usage_deltas
  for select to authenticated
  using (user_id = (select auth.uid())
    or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'billing']))::uuid[]));
grant select on runcast.usage_deltas to authenticated, service_role;

-- Empty but for a few seconds' worth, unless no worker runs: then these keep a report from reading everybody's.
create index idx_usage_deltas_user_id on runcast.usage_deltas (user_id, cell);
create index idx_usage_deltas_tenant_id on runcast.usage_deltas (tenant_id, cell);

comment on table runcast.usage_deltas is
  'What statements on usage_metrics changed in the sums and runcast.compact_usage has not added to them yet. The three '
  'tables live and die with the rows of usage_metrics, so they have no foreign keys.';
comment on column runcast.usage_deltas.cell is 'First moment of the quarter of an hour of UTC';
comment on column runcast.usage_deltas.quantity is 'Added to the sum; negative where rows were deleted or lowered';
comment on column runcast.usage_deltas.records is 'Added to the number of rows';

create table runcast.usage_by_tenant (
  tenant_id uuid not null,
  cell timestamptz not null,
  metric_type text not null,
  quantity bigint not null,
  records bigint not null,
  primary key (tenant_id, cell, metric_type)
) with (fillfactor = 80); -- the newest cells are added to again and again: room on the page keeps that out of the index
alter table runcast.usage_by_tenant enable row level security;
create policy usage_by_tenant_select_managed on runcast.usage_by_tenant
  for select to authenticated
  using (tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'billing']))::uuid[]));
grant select on runcast.usage_by_tenant to authenticated, service_role;
comment on table runcast.usage_by_tenant is
  'Sums of usage_metrics per tenant, quarter of an hour and metric. Without the user, whose number would multiply them.';

create table runcast.usage_by_user (
  user_id uuid not null,
  tenant_id uuid,
  cell timestamptz not null,
  metric_type text not null,
  quantity bigint not null,
  records bigint not null,
  constraint usage_by_user_key unique nulls not distinct (user_id, cell, metric_type, tenant_id)
) with (fillfactor = 80);
alter table runcast.usage_by_user enable row level security;
create policy usage_by_user_select_own on runcast.usage_by_user
  for select to authenticated
  using (user_id = (select auth.uid())
    or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'billing']))::uuid[]));
grant select on runcast.usage_by_user to authenticated, service_role;
create index idx_usage_by_user_tenant_id on runcast.usage_by_user (tenant_id, cell);
comment on table runcast.usage_by_user is 'Sums of usage_metrics per user, tenant, quarter of an hour and metric';

create table runcast.usage_idempotency_keys (
  user_id uuid not null references auth.users (id) on delete cascade,
  key text not null check (length(key) between 1 and 200),
  usage_id uuid not null,
  asked jsonb not null,
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);
alter table runcast.usage_idempotency_keys enable row level security;
create policy usage_idempotency_keys_select_own on runcast.usage_idempotency_keys
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy usage_idempotency_keys_insert_own on runcast.usage_idempotency_keys
  for insert to authenticated
  with check (user_id = (select auth.uid()));
grant select, insert on runcast.usage_idempotency_keys to authenticated, service_role;
create index idx_usage_idempotency_keys_usage_id on runcast.usage_idempotency_keys (usage_id);
comment on table runcast.usage_idempotency_keys is
  'Keys under which users recorded usage, so that a call that is repeated records nothing twice. A key lives as long as its row.';
comment on column runcast.usage_idempotency_keys.usage_id is
  'The row. No foreign key, with which nobody could truncate usage_metrics any more; the triggers below see to it';
comment on column runcast.usage_idempotency_keys.asked is 'The input as it was sent, to tell whether a second call asks for the same';

-- The origin of the cells is Postgres's own zero: from any other, the last years that a timestamp can hold overflow.
create function runcast.capture_usage() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    insert into runcast.usage_deltas (user_id, tenant_id, metric_type, cell, quantity, records)
    select user_id, tenant_id, metric_type, date_bin('15 minutes', "timestamp", '2000-01-01 00:00:00+00'),
      sum(quantity), count(*)
    from new_rows
    group by 1, 2, 3, 4;
  elsif tg_op = 'DELETE' then
    insert into runcast.usage_deltas (user_id, tenant_id, metric_type, cell, quantity, records)
    select user_id, tenant_id, metric_type, date_bin('15 minutes', "timestamp", '2000-01-01 00:00:00+00'),
      -sum(quantity), -count(*)
    from old_rows
    group by 1, 2, 3, 4;
    delete from runcast.usage_idempotency_keys where usage_id in (select id from old_rows);
  elsif tg_op = 'UPDATE' then
    insert into runcast.usage_deltas (user_id, tenant_id, metric_type, cell, quantity, records)
    select user_id, tenant_id, metric_type, date_bin('15 minutes', "timestamp", '2000-01-01 00:00:00+00'),
      sum(sign * quantity), sum(sign)
    from (
      select 1::bigint as sign, user_id, tenant_id, metric_type, "timestamp", quantity from new_rows
      union all
      select -1, user_id, tenant_id, metric_type, "timestamp", quantity from old_rows
    ) changed
    group by 1, 2, 3, 4
    having sum(sign * quantity) <> 0 or sum(sign) <> 0;
  else
    truncate runcast.usage_deltas, runcast.usage_by_tenant, runcast.usage_by_user, runcast.usage_idempotency_keys;
  end if;
  return null;
end
$$;

create function runcast.compact_usage(p_limit integer default 50000) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_taken integer;
  v_tenants tid[];
  v_users tid[];
begin
  -- Nobody else changes the sums, so nobody waits for this one and it waits for nobody.
  if not pg_try_advisory_xact_lock(hashtext('runcast.compact_usage')) then
    return 0;
  end if;
  with taken as materialized (
    delete from runcast.usage_deltas
    where ctid = any (array(select ctid from runcast.usage_deltas limit p_limit))
    returning user_id, tenant_id, metric_type, cell, quantity, records
  ), tenants as (
    insert into runcast.usage_by_tenant as t (tenant_id, cell, metric_type, quantity, records)
    select tenant_id, cell, metric_type, sum(quantity), sum(records)
    from taken where tenant_id is not null group by 1, 2, 3
    on conflict (tenant_id, cell, metric_type)
      do update set quantity = t.quantity + excluded.quantity, records = t.records + excluded.records
    returning t.ctid as place, t.quantity = 0 and t.records = 0 as is_empty
  ), users as (
    insert into runcast.usage_by_user as u (user_id, tenant_id, cell, metric_type, quantity, records)
    select user_id, tenant_id, cell, metric_type, sum(quantity), sum(records)
    from taken group by 1, 2, 3, 4
    on conflict (user_id, cell, metric_type, tenant_id)
      do update set quantity = u.quantity + excluded.quantity, records = u.records + excluded.records
    returning u.ctid as place, u.quantity = 0 and u.records = 0 as is_empty
  )
  select (select count(*) from taken), (select array_agg(place) from tenants where is_empty),
    (select array_agg(place) from users where is_empty)
  into v_taken, v_tenants, v_users;
  -- What nothing is left of: rows deleted, or moved elsewhere.
  delete from runcast.usage_by_tenant where ctid = any (v_tenants);
  delete from runcast.usage_by_user where ctid = any (v_users);
  return v_taken;
end
$$;
comment on function runcast.compact_usage(integer) is
  'Adds up to p_limit deltas to the sums of usage; returns how many, 0 also where another transaction is about it. '
  'Workers call it every few seconds.';

create function runcast.rebuild_usage_rollup() returns void
language plpgsql security definer set search_path = '' as $$
begin
  -- Readers go on. Writers wait, since what they have not committed would be missed, or counted twice.
  lock table public.usage_metrics in share row exclusive mode;
  truncate runcast.usage_deltas, runcast.usage_by_tenant, runcast.usage_by_user;
  insert into runcast.usage_by_user (user_id, tenant_id, cell, metric_type, quantity, records)
  select user_id, tenant_id, date_bin('15 minutes', "timestamp", '2000-01-01 00:00:00+00'), metric_type, sum(quantity), count(*)
  from public.usage_metrics group by 1, 2, 3, 4;
  insert into runcast.usage_by_tenant (tenant_id, cell, metric_type, quantity, records)
  select tenant_id, cell, metric_type, sum(quantity), sum(records)
  from runcast.usage_by_user where tenant_id is not null group by 1, 2, 3;
end
$$;
comment on function runcast.rebuild_usage_rollup() is
  'Makes all sums of usage anew from usage_metrics: after a restore or a replication that ran without triggers';

-- Puts the triggers on usage_metrics where they are missing, and then makes the sums from the rows that were there
-- before. Whoever drops the table takes its triggers along, so every `migrate:apply` calls this again.
create function runcast.attach_usage_rollup() returns void
language plpgsql set search_path = '' as $$
begin
  if to_regclass('public.usage_metrics') is null then
    return;
  end if;
  -- Lists of usage are in this order; the minutes of a period that make no whole cell are read from the rows by it.
  create index if not exists idx_usage_metrics_user_id_timestamp
    on public.usage_metrics (user_id, "timestamp" desc, id desc);
  create index if not exists idx_usage_metrics_tenant_id_timestamp
    on public.usage_metrics (tenant_id, "timestamp" desc, id desc);
  if 4 = (
    select count(*) from pg_trigger
    where tgrelid = to_regclass('public.usage_metrics') and tgname like 'zz\_runcast\_usage\_%' and tgenabled in ('O', 'A'))
  then
    return;
  end if;
  lock table public.usage_metrics in share row exclusive mode;
  create or replace trigger zz_runcast_usage_insert after insert on public.usage_metrics
    referencing new table as new_rows for each statement execute function runcast.capture_usage();
  create or replace trigger zz_runcast_usage_update after update on public.usage_metrics
    referencing old table as old_rows new table as new_rows for each statement execute function runcast.capture_usage();
  create or replace trigger zz_runcast_usage_delete after delete on public.usage_metrics
    referencing old table as old_rows for each statement execute function runcast.capture_usage();
  create or replace trigger zz_runcast_usage_truncate after truncate on public.usage_metrics
    for each statement execute function runcast.capture_usage();
  alter table public.usage_metrics
    enable trigger zz_runcast_usage_insert, enable trigger zz_runcast_usage_update,
    enable trigger zz_runcast_usage_delete, enable trigger zz_runcast_usage_truncate;
  perform runcast.rebuild_usage_rollup();
end
$$;

revoke execute on function
  runcast.capture_usage(), runcast.compact_usage(integer), runcast.rebuild_usage_rollup(), runcast.attach_usage_rollup()
from public, anon, authenticated;
grant execute on function runcast.compact_usage(integer) to service_role;

select runcast.attach_usage_rollup();
