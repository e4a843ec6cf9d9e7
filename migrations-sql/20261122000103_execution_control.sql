-- Taking, finishing and steering executions. What one function changes on the row, the stream and in the feed is one
-- transaction; what the services above need not decide is decided here, under the row lock.

-- Who may call for an execution: its owner, or the service. Somebody else's is the same answer as none at all.
create function runcast.assert_callers_own(p_kind text, p_id text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if auth.role() is distinct from 'service_role' and not exists (
    select from runcast.execution_streams
    where kind = p_kind and execution_id = p_id and user_id = auth.uid())
  then
    raise exception 'there is no % execution %', p_kind, p_id using errcode = 'RC001';
  end if;
end
$$;

create function runcast.status_event(p_to text, p_reason text default null) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('type', 'status', 'payload',
    jsonb_build_object('to', p_to) || case when p_reason is null then '{}' else jsonb_build_object('reason', p_reason) end)
$$;

create function runcast.take_execution(p_kind text, p_id text, p_worker text) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_status text := runcast.lock_execution(p_kind, p_id);
  v_stream runcast.execution_streams := runcast.writable_stream(p_kind, p_id);
  v_attempt integer := v_stream.attempt + 1;
  v_events jsonb[] := array[runcast.status_event('running')];
begin
  if v_stream.origin = 'external' then
    return null;
  elsif v_stream.cancel_requested_at is not null then
    perform runcast.append_execution_events(p_kind, p_id,
      array[runcast.status_event('cancelled', coalesce(v_stream.cancel_reason, 'cancelled'))]);
    return null;
  end if;
  if v_status = 'running' then
    v_events := runcast.status_event('pending',
      format('attempt %s on %s was lost; taken over by %s', v_stream.attempt, v_stream.worker, p_worker)) || v_events;
  end if;
  update runcast.execution_streams set attempt = v_attempt, worker = p_worker
  where kind = p_kind and execution_id = p_id;
  perform runcast.append_execution_events(p_kind, p_id, v_events, v_attempt);
  return v_attempt;
end
$$;
comment on function runcast.take_execution(text, text, text) is
  'Makes p_worker the one that runs the execution and returns its attempt, which fences its writes. Null where there '
  'is nothing to run: it is not ours, or its cancellation was requested, which then ends it.';

create function runcast.finish_execution(
  p_kind text, p_id text, p_attempt integer, p_status text, p_reason text default null, p_error text default null,
  p_result jsonb default null) returns bigint
language plpgsql security definer set search_path = '' as $$
begin
  if not coalesce(runcast.is_terminal(p_status), false) then
    raise exception '% does not end an execution', p_status using errcode = 'RC004';
  end if;
  perform runcast.lock_execution(p_kind, p_id);
  perform runcast.writable_stream(p_kind, p_id, p_attempt);
  perform runcast.project_execution(p_kind, p_id, p_result => p_result);
  perform runcast.append_execution_events(
    p_kind, p_id, array[runcast.status_event(p_status, coalesce(p_reason, p_error))], p_attempt);
  -- After the event, whose reason stands in for an error that nobody named.
  if p_error is not null then
    perform runcast.project_execution(p_kind, p_id, p_error => p_error);
  end if;
  return (select last_seq from runcast.execution_streams where kind = p_kind and execution_id = p_id);
end
$$;
comment on function runcast.finish_execution(text, text, integer, text, text, text, jsonb) is
  'Ends the execution: error and result on its row, then the terminal status as its last event. p_reason defaults to p_error.';

create function runcast.release_execution(p_kind text, p_id text, p_attempt integer, p_reason text) returns bigint
language plpgsql security definer set search_path = '' as $$
begin
  return runcast.append_execution_events(p_kind, p_id, array[runcast.status_event('pending', p_reason)], p_attempt);
end
$$;
comment on function runcast.release_execution(text, text, integer, text) is
  'Hands a running execution back, to be taken again: the worker that had it stops.';

create function runcast.refresh_logs(p_limit integer default 100) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_id text;
  v_stream runcast.execution_streams;
  v_refreshed integer := 0;
begin
  for v_id in
    select execution_id from runcast.execution_streams where kind = 'training' and logs_stale limit p_limit
  loop
    -- Waits for nobody: who holds the row is about to write, and the next round comes soon.
    perform from public.training_executions where id = v_id for no key update skip locked;
    continue when not found;
    select * into v_stream from runcast.execution_streams
    where kind = 'training' and execution_id = v_id and logs_stale;
    continue when not found;
    perform runcast.project_execution(
      'training', v_id, p_lines => runcast.log_lines(v_stream, v_stream.logs_projected_seq, 1000));
    perform runcast.record_events(v_stream, '{}', false, 'projected');
    v_refreshed := v_refreshed + 1;
  end loop;
  return v_refreshed;
end
$$;
comment on function runcast.refresh_logs(integer) is
  'Brings the column logs of up to p_limit training executions up to date with their feeds; returns how many it did';

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

create function runcast.append_own_events(p_kind text, p_id text, p_events jsonb[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  v_index bigint;
begin
  perform runcast.assert_callers_own(p_kind, p_id);
  select i - 1 into v_index from unnest(p_events) with ordinality as batch (e, i)
  where coalesce(e ->> 'type', '') not in ('log', 'progress', 'metric') order by i limit 1;
  if found then
    raise exception 'events[%].type must be log, progress or metric', v_index using errcode = 'RC004';
  end if;
  return runcast.append_execution_events(p_kind, p_id, p_events);
end
$$;
comment on function runcast.append_own_events(text, text, jsonb[]) is
  'append_execution_events for the execution''s owner: logs, progress and metrics alone';

create function runcast.request_cancel(p_kind text, p_id text, p_reason text default null) returns text
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
comment on function runcast.request_cancel(text, text, text) is
  'Ends an execution that nobody of ours runs, at once; asks the worker of a running one to end it. Returns the status.';

revoke execute on function
  runcast.assert_callers_own(text, text), runcast.status_event(text, text), runcast.take_execution(text, text, text),
  runcast.finish_execution(text, text, integer, text, text, text, jsonb),
  runcast.release_execution(text, text, integer, text), runcast.refresh_logs(integer),
  runcast.start_execution(text, text, uuid, text, text), runcast.append_own_events(text, text, jsonb[]),
  runcast.request_cancel(text, text, text)
from public, anon, authenticated;
grant execute on function
  runcast.take_execution(text, text, text), runcast.finish_execution(text, text, integer, text, text, text, jsonb),
  runcast.release_execution(text, text, integer, text), runcast.refresh_logs(integer)
to service_role;
grant execute on function
  runcast.start_execution(text, text, uuid, text, text), runcast.append_own_events(text, text, jsonb[]),
  runcast.request_cancel(text, text, text)
to authenticated, service_role;
