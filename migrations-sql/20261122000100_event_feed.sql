-- The event feed: one ordered, gap-free stream of events for each execution of any kind. Reading a sequence by
-- cursor loses rows, because sequence order is not commit order; so a stream counts for itself, and only the holder
-- of its execution's row lock may count (20261122000101).

create table runcast.execution_streams (
  kind text not null check (kind in ('training', 'agent', 'workflow')),
  execution_id text not null,
  bucket date not null,
  user_id uuid not null,
  tenant_id uuid references public.tenants (id) on delete set null,
  origin text not null default 'external' check (origin in ('runcast', 'external')),
  last_seq bigint not null default 0,
  state text not null default 'open' check (state in ('open', 'closed')),
  attempt integer not null default 0,
  worker text,
  idempotency_key text,
  retry_of text,
  cancel_requested_at timestamptz,
  cancel_reason text,
  logs_projected_at timestamptz,
  logs_projected_seq bigint not null default 0,
  logs_stale boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (kind, execution_id)
) with (fillfactor = 70); -- every batch updates its stream: room on the page keeps those updates out of the indexes
alter table runcast.execution_streams enable row level security;
create policy execution_streams_select_own on runcast.execution_streams
  for select to authenticated
  using (user_id = (select auth.uid()));
grant select on runcast.execution_streams to authenticated, service_role;

create unique index execution_streams_idempotency_key
  on runcast.execution_streams (user_id, kind, idempotency_key) where idempotency_key is not null;
create index idx_execution_streams_user_id on runcast.execution_streams (user_id, kind, created_at desc, execution_id);
create index idx_execution_streams_tenant_id on runcast.execution_streams (tenant_id);
create index idx_execution_streams_logs_stale on runcast.execution_streams (kind, execution_id) where logs_stale;

comment on table runcast.execution_streams is
  'The head of each execution''s feed. It lives and dies with the execution''s row, so user_id has no foreign key.';
comment on column runcast.execution_streams.bucket is
  'First day of the month in which the stream was made; names the partition of its events for all its life';
comment on column runcast.execution_streams.origin is
  'runcast: started and run by us; external: whoever inserted the row runs it and reports through the row';
comment on column runcast.execution_streams.last_seq is 'Number of the newest event; events are numbered 1 to last_seq';
comment on column runcast.execution_streams.state is 'closed: the terminal status was the last event';
comment on column runcast.execution_streams.attempt is 'Counts the workers that took the execution; fences their writes';
comment on column runcast.execution_streams.worker is 'Who runs it now; null while nobody does';
comment on column runcast.execution_streams.retry_of is 'The execution of the same kind that this one runs again';
comment on column runcast.execution_streams.logs_projected_seq is
  'Up to which event the column logs of the execution''s row holds the newest lines';
comment on column runcast.execution_streams.logs_stale is 'There are newer lines than the column logs shows';

create table runcast.execution_events (
  bucket date not null,
  kind text not null,
  execution_id text not null,
  seq bigint not null,
  type text not null,
  at timestamptz not null,
  attempt integer not null,
  payload jsonb not null,
  primary key (bucket, kind, execution_id, seq)
) partition by list (bucket);
alter table runcast.execution_events enable row level security;
create policy execution_events_select_own on runcast.execution_events
  for select to authenticated
  using (exists (
    select from runcast.execution_streams s
    where s.kind = execution_events.kind and s.execution_id = execution_events.execution_id
      and s.user_id = (select auth.uid())));
grant select on runcast.execution_events to authenticated, service_role;

comment on table runcast.execution_events is
  'What happened, in order. Written by runcast.append_execution_events and by the triggers on the executions'' tables alone.';
comment on column runcast.execution_events.type is
  'status, progress, log, metric, step, output, approval, provider or gap; each has its own payload';
comment on column runcast.execution_events.attempt is 'The stream''s attempt at the time; 0 before anyone took it';

create table runcast.execution_events_default partition of runcast.execution_events default;
alter table runcast.execution_events_default enable row level security;
create policy execution_events_select_own on runcast.execution_events_default
  for select to authenticated
  using (exists (
    select from runcast.execution_streams s
    where s.kind = execution_events_default.kind and s.execution_id = execution_events_default.execution_id
      and s.user_id = (select auth.uid())));
comment on table runcast.execution_events_default is
  'Events of months without a partition; runcast.ensure_event_partitions moves them out';

-- One partition a month. Made beside the table and attached, since "create table … partition of" would wait for, and
-- hold up, every reader and writer of the feed. The timeout bounds how long anybody queues behind it; try again later.
create function runcast.ensure_event_partitions(p_months integer default 3) returns integer
language plpgsql security definer set search_path = '' set lock_timeout = '5s' as $$
declare
  v_made integer := 0;
  v_bucket date;
  v_name text;
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('runcast.ensure_event_partitions'));
  for v_bucket in
    select (date_trunc('month', now() at time zone 'utc') + make_interval(months => m))::date
    from generate_series(0, p_months) m
  loop
    v_name := 'execution_events_' || to_char(v_bucket, 'YYYY_MM');
    continue when to_regclass('runcast.' || v_name) is not null;
    execute format('create table runcast.%I (like runcast.execution_events including defaults including constraints)', v_name);
    execute format('alter table runcast.%I enable row level security', v_name);
    execute format(
      'create policy execution_events_select_own on runcast.%1$I for select to authenticated using (exists (
         select from runcast.execution_streams s
         where s.kind = %1$I.kind and s.execution_id = %1$I.execution_id and s.user_id = (select auth.uid())))', v_name);
    -- Events that came while nobody had made this partition. Attaching takes this lock anyway; taken here, no writer
    -- adds one between the move and the attach.
    lock table runcast.execution_events_default in access exclusive mode;
    execute format('insert into runcast.%I select * from runcast.execution_events_default where bucket = $1', v_name)
      using v_bucket;
    delete from runcast.execution_events_default where bucket = v_bucket;
    execute format('alter table runcast.execution_events attach partition runcast.%I for values in (%L)', v_name, v_bucket);
    v_made := v_made + 1;
  end loop;
  return v_made;
end
$$;
comment on function runcast.ensure_event_partitions(integer) is
  'Makes the partitions of this month and the next p_months that are missing; returns how many it made';

revoke execute on function runcast.ensure_event_partitions(integer) from public, anon, authenticated;
grant execute on function runcast.ensure_event_partitions(integer) to service_role;

select runcast.ensure_event_partitions();
