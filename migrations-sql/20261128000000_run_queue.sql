-- Runs of every kind, queued by tenant: how many run at once and how many may wait is the tenant's, and who waits longest
-- within it does not hold up anybody else. Runs that other runs start belong to these: they wait in no queue of their own,
-- or a run that holds its tenant's last place would wait for its own child.

-- Fetched by priority first: see runcast.next_turn.
drop function runcast.enqueue_job(text, jsonb, timestamptz, text);
create function runcast.enqueue_job(
  queue text, data jsonb, start_after timestamptz default now(), singleton_key text default null,
  priority integer default 0) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
  v_notify boolean;
begin
  -- The columns that pg-boss fills when it sends a job, with the queue's options; a test compares the two.
  insert into pgboss.job (
    name, data, priority, start_after, keep_until, singleton_key, policy, expire_seconds, deletion_seconds, retry_limit,
    retry_delay, retry_backoff, retry_delay_max, dead_letter, heartbeat_seconds)
  select
    q.name, enqueue_job.data, enqueue_job.priority, enqueue_job.start_after,
    enqueue_job.start_after + q.retention_seconds * interval '1 second', enqueue_job.singleton_key, q.policy,
    q.expire_seconds, q.deletion_seconds, q.retry_limit, q.retry_delay, q.retry_backoff, q.retry_delay_max,
    q.dead_letter, q.heartbeat_seconds
  from pgboss.queue q
  where q.name = enqueue_job.queue
  on conflict do nothing
  returning id into v_id;

  select q.notify into v_notify from pgboss.queue q where q.name = enqueue_job.queue;
  if not found then
    raise exception 'there is no queue %', queue
      using errcode = 'undefined_object', hint = 'Run npm run migrate:apply of this version: it makes the queues.';
  end if;
  -- pg-boss's own channel: this name for its default schema. A missed wake-up costs one polling interval.
  if v_id is not null and v_notify and start_after <= clock_timestamp() then
    perform pg_notify('pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24), queue);
  end if;
  return v_id;
end
$$;
comment on function runcast.enqueue_job(text, jsonb, timestamptz, text, integer) is
  'Adds a job to a queue in this transaction and wakes its workers at commit. Returns its id; null where the queue''s '
  'policy allows no second one with that singleton_key. Of those that are due the one with the highest priority is next.';
revoke execute on function runcast.enqueue_job(text, jsonb, timestamptz, text, integer) from public, anon, authenticated;
grant execute on function runcast.enqueue_job(text, jsonb, timestamptz, text, integer) to service_role;

alter table runcast.execution_streams
  add column parent_kind text check (parent_kind in ('agent', 'workflow')),
  add column parent_id text,
  add column parent_step_run uuid,
  add column depth smallint not null default 0;
comment on column runcast.execution_streams.parent_id is 'The execution that started this one as a part of itself';
comment on column runcast.execution_streams.parent_step_run is 'The run of the workflow''s step that waits for its end';
comment on column runcast.execution_streams.depth is
  'How many executions up to one that a person, a program or a clock began; cut at runcast.max_depth()';
create index idx_execution_streams_parent on runcast.execution_streams (parent_kind, parent_id) where parent_id is not null;

create function runcast.max_depth() returns integer
language sql immutable set search_path = '' as 'select 10';

create table runcast.run_queue (
  kind text not null,
  execution_id text not null,
  lane uuid not null,
  priority smallint not null,
  queued_at timestamptz not null default clock_timestamp(),
  admitted_at timestamptz,
  turn integer,
  primary key (kind, execution_id),
  foreign key (kind, execution_id) references runcast.execution_streams (kind, execution_id) on delete cascade
);
alter table runcast.run_queue enable row level security;
create policy run_queue_select_own on runcast.run_queue
  for select to authenticated
  using (exists (
    select from runcast.execution_streams s
    where s.kind = run_queue.kind and s.execution_id = run_queue.execution_id));
grant select on runcast.run_queue to authenticated, service_role;
create index idx_run_queue_waiting on runcast.run_queue (lane, priority desc, queued_at) where admitted_at is null;
create index idx_run_queue_lane_turn on runcast.run_queue (lane, turn) where admitted_at is not null;
create index idx_run_queue_turn on runcast.run_queue (turn) where admitted_at is not null;
comment on table runcast.run_queue is 'The runs of ours that have not ended, but for those that others started: who runs and who waits';
comment on column runcast.run_queue.lane is 'Whose limits count: the tenant''s, or the owner''s where the run is for no tenant';
comment on column runcast.run_queue.priority is '0 low, 1 normal, 2 high, 3 urgent: within the lane alone';
comment on column runcast.run_queue.admitted_at is 'When its job was enqueued; null while it waits for a place';
comment on column runcast.run_queue.turn is 'When it is served among those of all lanes: see runcast.next_turn';

-- An amount in tenants.limits, which services write; whatever is none counts as not there.
create function runcast.run_limit(p_lane uuid, p_name text, p_default integer) returns integer
language sql stable set search_path = '' as $$
  select coalesce((
    select case when jsonb_typeof(t.limits -> p_name) = 'number' and (t.limits ->> p_name)::numeric between 0 and 1e6
      then (t.limits ->> p_name)::numeric::integer end
    from public.tenants t where t.id = p_lane), p_default)
$$;

-- Runs that wait for a person or another run count, too, and hold no worker; so there may be many.
create function runcast.max_concurrent_runs(p_lane uuid) returns integer
language sql stable set search_path = '' as $$ select runcast.run_limit(p_lane, 'maxConcurrentRuns', 1000) $$;

create function runcast.run_job(p_kind text) returns text
language sql immutable set search_path = '' as $$ select p_kind || '.run' $$;

-- Lanes are served in turn, each in its own order: a lane's next comes a turn after its last one, and who has nothing in the
-- queue joins at the turn that is being served. So a lane's first comes before another one's second, however many that has.
create function runcast.next_turn(p_lane uuid) returns integer
language sql stable set search_path = '' as $$
  select greatest(
    (select max(turn) + 1 from runcast.run_queue where lane = p_lane and admitted_at is not null),
    (select min(turn) from runcast.run_queue where admitted_at is not null), 0)
$$;

-- Gives the free places of a lane to those that wait longest with the highest priority. p_own is the execution that the
-- caller has just inserted, if any: a workflow of its own begins in the same transaction, which saves it a job. Others
-- are not touched here, since whoever holds their rows may be waiting for this lane.
create function runcast.admit_runs(p_lane uuid, p_own text default null) returns void
language plpgsql set search_path = '' as $$
declare
  v_admitted bigint;
  v_turn integer;
  v_run record;
begin
  -- One at a time for each lane: two that count at once would both find the last place.
  perform pg_advisory_xact_lock(hashtextextended(p_lane::text, 4711));
  select count(*) into v_admitted from runcast.run_queue where lane = p_lane and admitted_at is not null;
  for v_run in
    select kind, execution_id from runcast.run_queue
    where lane = p_lane and admitted_at is null
    order by priority desc, queued_at, execution_id
    limit greatest(0, runcast.max_concurrent_runs(p_lane) - v_admitted)
  loop
    v_turn := runcast.next_turn(p_lane);
    update runcast.run_queue set admitted_at = clock_timestamp(), turn = v_turn
    where kind = v_run.kind and execution_id = v_run.execution_id;
    if v_run.kind = 'workflow' and v_run.execution_id = p_own then
      perform runcast.begin_workflow(p_own::uuid);
    else
      perform runcast.enqueue_job(runcast.run_job(v_run.kind), jsonb_build_object('executionId', v_run.execution_id),
        priority => -v_turn);
    end if;
  end loop;
end
$$;

-- The end of a run frees its place, and tells the step of the workflow that waits for it. The step hears by a job: the
-- ended run is locked here, and who starts or cancels one locks its parent first.
create function runcast.leave_run_queue() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from runcast.run_queue where kind = new.kind and execution_id = new.execution_id;
  if new.parent_step_run is not null then
    perform runcast.enqueue_job('workflow.child-ended',
      jsonb_build_object('executionId', new.parent_id, 'stepRunId', new.parent_step_run));
  end if;
  return null;
end
$$;
create trigger runcast_leave_run_queue after update of state on runcast.execution_streams
  for each row when (old.state = 'open' and new.state = 'closed' and new.origin = 'runcast')
  execute function runcast.leave_run_queue();

-- Also where a run was deleted.
create function runcast.free_place() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from runcast.run_queue where lane = old.lane and admitted_at is null) then
    perform runcast.admit_runs(old.lane);
  end if;
  return null;
end
$$;
create trigger runcast_free_place after delete on runcast.run_queue
  for each row when (old.admitted_at is not null) execute function runcast.free_place();

drop function runcast.start_execution(text, text, uuid, text, text);
create function runcast.start_execution(
  p_kind text, p_id text, p_tenant_id uuid default null, p_idempotency_key text default null, p_retry_of text default null,
  p_priority integer default 1, p_parent_kind text default null, p_parent_id text default null,
  p_parent_step_run uuid default null, p_depth integer default 0)
returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_status text;
  v_stream runcast.execution_streams;
  v_parent runcast.execution_streams;
  v_lane uuid;
  v_is_admitted boolean;
  v_turn integer;
begin
  perform runcast.assert_callers_own(p_kind, p_id);
  v_status := runcast.lock_execution(p_kind, p_id);
  v_stream := runcast.writable_stream(p_kind, p_id);
  -- A row of an earlier transaction is run by whoever inserted it.
  if v_stream.created_at <> now() or v_stream.origin <> 'external' or v_status <> 'pending' then
    raise exception 'the % execution % can only be started, once, by the transaction that inserts it', p_kind, p_id
      using errcode = 'RC004';
  elsif p_tenant_id is not null and not exists (
    select from public.user_tenants
    where tenant_id = p_tenant_id and user_id = v_stream.user_id and status = 'active')
  then
    raise exception 'not an active member of the tenant %', p_tenant_id using errcode = '42501';
  end if;
  if p_retry_of is not null and not exists (
    select from runcast.execution_streams
    where kind = p_kind and execution_id = p_retry_of and user_id = v_stream.user_id)
  then
    raise exception 'there is no % execution %', p_kind, p_retry_of using errcode = 'RC001';
  end if;
  if p_depth >= runcast.max_depth() then
    raise exception 'executions start each other % deep already', runcast.max_depth() using errcode = 'RC005';
  elsif p_parent_id is not null then
    select * into v_parent from runcast.execution_streams
    where kind = p_parent_kind and execution_id = p_parent_id and user_id = v_stream.user_id;
    if not found then
      raise exception 'there is no % execution %', p_parent_kind, p_parent_id using errcode = 'RC001';
    elsif v_parent.depth >= runcast.max_depth() then
      raise exception 'executions start each other % deep already', runcast.max_depth() using errcode = 'RC005';
    end if;
  end if;
  v_lane := coalesce(p_tenant_id, v_stream.user_id);
  update runcast.execution_streams set
    origin = 'runcast', tenant_id = p_tenant_id, idempotency_key = p_idempotency_key, retry_of = p_retry_of,
    parent_kind = p_parent_kind, parent_id = p_parent_id, parent_step_run = p_parent_step_run,
    depth = coalesce(v_parent.depth + 1, p_depth)
  where kind = p_kind and execution_id = p_id;

  if p_parent_id is not null and p_kind = 'workflow' then
    perform runcast.begin_workflow(p_id::uuid);
    return;
  elsif p_parent_id is not null then
    perform runcast.enqueue_job(runcast.run_job(p_kind), jsonb_build_object('executionId', p_id),
      priority => -runcast.next_turn(v_lane));
    return;
  end if;
  if (select count(*) from runcast.run_queue where lane = v_lane and admitted_at is null)
    >= runcast.run_limit(v_lane, 'maxQueuedRuns', 10000)
  then
    raise exception 'as many runs wait as may' using errcode = 'RC006';
  end if;
  v_is_admitted := runcast.has_many_places(v_lane);
  insert into runcast.run_queue (kind, execution_id, lane, priority, admitted_at, turn)
  values (p_kind, p_id, v_lane, least(3, greatest(0, p_priority)), case when v_is_admitted then clock_timestamp() end,
    case when v_is_admitted then runcast.next_turn(v_lane) end)
  returning turn into v_turn;
  if not v_is_admitted then
    perform runcast.admit_runs(v_lane, p_id);
  elsif p_kind = 'workflow' then
    perform runcast.begin_workflow(p_id::uuid);
  else
    perform runcast.enqueue_job(runcast.run_job(p_kind), jsonb_build_object('executionId', p_id),
      priority => -v_turn);
  end if;
end
$$;
comment on function runcast.start_execution(text, text, uuid, text, text, integer, text, text, uuid, integer) is
  'Makes an execution that this transaction has inserted ours to run, and enqueues its job once its lane has a place. A '
  'second one with the same p_idempotency_key of the same user and kind violates execution_streams_idempotency_key. RC005 '
  'executions start each other too deep, RC006 the lane''s queue is full.';

-- Whether a lane has more free places than there can be transactions that fill one each at this moment: then nobody has to
-- wait for anybody. Taking turns cost 50 starts at once eleven seconds in all.
create function runcast.has_many_places(p_lane uuid) returns boolean
language plpgsql stable set search_path = '' as $$
declare
  v_most bigint := runcast.max_concurrent_runs(p_lane) - current_setting('max_connections')::integer;
begin
  return v_most > 0
    and not exists (select from runcast.run_queue where lane = p_lane and admitted_at is null)
    and (select count(*) from (
      select from runcast.run_queue where lane = p_lane and admitted_at is not null limit v_most) admitted) < v_most;
end
$$;

-- Ends whatever an execution has started as a part of itself, too. Parents are locked before their children everywhere.
create or replace function runcast.request_cancel(p_kind text, p_id text, p_reason text default null) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_status text;
  v_stream runcast.execution_streams;
begin
  perform runcast.assert_callers_own(p_kind, p_id);
  v_status := runcast.lock_execution(p_kind, p_id);
  v_stream := runcast.writable_stream(p_kind, p_id);
  if v_stream.origin = 'runcast' and p_kind = 'workflow' then
    return runcast.cancel_workflow(p_id::uuid, p_reason);
  elsif v_stream.origin = 'external' or v_status <> 'running' then
    perform runcast.append_execution_events(p_kind, p_id,
      array[runcast.status_event('cancelled', coalesce(p_reason, 'cancelled'))]);
    perform runcast.cancel_children(p_kind, p_id, p_reason);
    return 'cancelled';
  end if;
  update runcast.execution_streams set
    cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
    cancel_reason = coalesce(cancel_reason, p_reason)
  where kind = p_kind and execution_id = p_id;
  perform pg_notify('runcast_control', json_build_object('k', p_kind, 'i', p_id, 'cancel', true)::text);
  perform runcast.cancel_children(p_kind, p_id, p_reason);
  return v_status;
end
$$;

create function runcast.cancel_children(p_kind text, p_id text, p_reason text) returns void
language plpgsql set search_path = '' as $$
declare
  v_child record;
  v_hints text := current_setting('runcast.hints', true);
begin
  -- A session that sends its hints itself sends those of the execution that it cancels: these are others.
  perform set_config('runcast.hints', 'on', true);
  for v_child in
    select kind, execution_id from runcast.execution_streams
    where parent_kind = p_kind and parent_id = p_id and state = 'open'
    order by kind, execution_id
  loop
    begin
      perform runcast.request_cancel(v_child.kind, v_child.execution_id, p_reason);
    exception when sqlstate 'RC001' or sqlstate 'RC002' then
      null; -- It has ended, or was deleted, meanwhile.
    end;
  end loop;
  perform set_config('runcast.hints', coalesce(v_hints, ''), true);
end
$$;

revoke execute on function
  runcast.max_depth(), runcast.run_limit(uuid, text, integer), runcast.max_concurrent_runs(uuid),
  runcast.has_many_places(uuid), runcast.run_job(text), runcast.next_turn(uuid),
  runcast.admit_runs(uuid, text), runcast.leave_run_queue(), runcast.free_place(),
  runcast.start_execution(text, text, uuid, text, text, integer, text, text, uuid, integer),
  runcast.cancel_children(text, text, text)
from public, anon, authenticated;
grant execute on function runcast.start_execution(text, text, uuid, text, text, integer, text, text, uuid, integer)
to authenticated, service_role;
