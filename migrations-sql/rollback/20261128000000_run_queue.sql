-- Runs wait in no queue of ours any more: each is enqueued when it is started.
drop trigger if exists runcast_leave_run_queue on runcast.execution_streams;
drop function if exists
  runcast.start_execution(text, text, uuid, text, text, integer, text, text, uuid, integer), runcast.leave_run_queue(),
  runcast.admit_runs(uuid, text), runcast.has_many_places(uuid), runcast.max_concurrent_runs(uuid), runcast.run_limit(uuid, text, integer), runcast.run_job(text),
  runcast.next_turn(uuid), runcast.max_depth(), runcast.cancel_children(text, text, text);
drop table if exists runcast.run_queue;
drop function if exists runcast.free_place();
alter table runcast.execution_streams
  drop column if exists parent_kind, drop column if exists parent_id, drop column if exists parent_step_run,
  drop column if exists depth;

drop function if exists runcast.enqueue_job(text, jsonb, timestamptz, text, integer);
create function runcast.enqueue_job(
  queue text, data jsonb, start_after timestamptz default now(), singleton_key text default null) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
  v_notify boolean;
begin
  -- The columns that pg-boss fills when it sends a job, with the queue's options; a test compares the two.
  insert into pgboss.job (
    name, data, start_after, keep_until, singleton_key, policy, expire_seconds, deletion_seconds, retry_limit,
    retry_delay, retry_backoff, retry_delay_max, dead_letter, heartbeat_seconds)
  select
    q.name, enqueue_job.data, enqueue_job.start_after,
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
  if v_id is not null and v_notify and start_after <= now() then
    perform pg_notify('pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24), queue);
  end if;
  return v_id;
end
$$;
comment on function runcast.enqueue_job(text, jsonb, timestamptz, text) is
  'Adds a job to a queue in this transaction and wakes its workers at commit. Returns its id; null where the queue''s '
  'policy allows no second one with that singleton_key.';

revoke execute on function runcast.enqueue_job(text, jsonb, timestamptz, text) from public, anon, authenticated;
grant execute on function runcast.enqueue_job(text, jsonb, timestamptz, text) to service_role;

create function runcast.start_execution(
  p_kind text, p_id text, p_tenant_id uuid default null, p_idempotency_key text default null, p_retry_of text default null)
returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_status text;
  v_stream runcast.execution_streams;
begin
  perform runcast.assert_callers_own(p_kind, p_id);
  v_status := runcast.lock_execution(p_kind, p_id);
  v_stream := runcast.writable_stream(p_kind, p_id);
  if p_kind <> 'training' then
    raise exception 'executions of the kind % are run by whoever inserts them', p_kind using errcode = 'RC004';
  -- A row of an earlier transaction is run by whoever inserted it.
  elsif v_stream.created_at <> now() or v_stream.origin <> 'external' or v_status <> 'pending' then
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
  update runcast.execution_streams set
    origin = 'runcast', tenant_id = p_tenant_id, idempotency_key = p_idempotency_key, retry_of = p_retry_of
  where kind = p_kind and execution_id = p_id;
  perform runcast.enqueue_job('training.run', jsonb_build_object('executionId', p_id));
end
$$;
comment on function runcast.start_execution(text, text, uuid, text, text) is
  'Makes an execution that this transaction has inserted ours to run, and enqueues its job. A second one with the same '
  'p_idempotency_key of the same user and kind violates execution_streams_idempotency_key.';

create or replace function runcast.request_cancel(p_kind text, p_id text, p_reason text default null) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_status text;
  v_stream runcast.execution_streams;
begin
  perform runcast.assert_callers_own(p_kind, p_id);
  v_status := runcast.lock_execution(p_kind, p_id);
  v_stream := runcast.writable_stream(p_kind, p_id);
  if v_stream.origin = 'external' or v_status <> 'running' then
    perform runcast.append_execution_events(p_kind, p_id,
      array[runcast.status_event('cancelled', coalesce(p_reason, 'cancelled'))]);
    return 'cancelled';
  end if;
  update runcast.execution_streams set
    cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
    cancel_reason = coalesce(cancel_reason, p_reason)
  where kind = p_kind and execution_id = p_id;
  perform pg_notify('runcast_control', json_build_object('k', p_kind, 'i', p_id, 'cancel', true)::text);
  return v_status;
end
$$;

revoke execute on function runcast.start_execution(text, text, uuid, text, text) from public, anon, authenticated;
grant execute on function runcast.start_execution(text, text, uuid, text, text) to authenticated, service_role;
