-- The only way into the feed. Whoever writes holds the row lock of the execution first and updates its stream second,
-- which is the order a foreign UPDATE takes by itself; the other order deadlocked 36 times in 8 s. All that is below
-- reads a stream under that row lock, so it needs no lock of its own until it is updated.

-- Legal transitions of each kind: the keys are its vocabulary, those that lead nowhere are terminal.
create function runcast.status_transitions(p_kind text) returns jsonb
language sql immutable set search_path = '' as $$
  select case
    when p_kind in ('training', 'agent') then jsonb '{
      "pending": ["running", "failed", "cancelled"],
      "running": ["pending", "completed", "failed", "cancelled"],
      "completed": [], "failed": [], "cancelled": []}'
    when p_kind = 'workflow' then jsonb '{
      "pending": ["running", "failed", "cancelled"],
      "running": ["pending", "paused", "completed", "failed", "cancelled"],
      "paused": ["pending", "running", "failed", "cancelled"],
      "completed": [], "failed": [], "cancelled": []}'
  end
$$;

create function runcast.is_terminal(p_status text) returns boolean
language sql immutable set search_path = '' as $$
  select p_status in ('completed', 'failed', 'cancelled')
$$;

-- What tells our own projection onto an execution's row from everybody else's update. A setting alone could be made
-- by any session, and the role does not tell the functions' owner from a person who logs in as that owner.
create table runcast.projection_key (key text not null);
alter table runcast.projection_key enable row level security;
create policy projection_key_select_nobody on runcast.projection_key for select to authenticated using (false);
comment on table runcast.projection_key is
  'One random key that runcast.project_execution shows to the triggers by a setting, made with them. Nobody is granted anything on it.';

create function runcast.is_projecting() returns boolean
language sql stable set search_path = '' as $$
  select exists (select from runcast.projection_key where key = current_setting('runcast.projection', true))
$$;

-- Locks the row of an execution and returns its status.
create function runcast.lock_execution(p_kind text, p_id text) returns text
language plpgsql set search_path = '' as $$
declare
  v_status text;
begin
  if p_kind = 'training' then
    select status into v_status from public.training_executions where id = p_id for no key update;
  -- The stream is looked up first because not every id that a caller sends can be cast to uuid.
  elsif exists (select from runcast.execution_streams where kind = p_kind and execution_id = p_id) then
    if p_kind = 'agent' then
      select status into v_status from public.agent_executions where id = p_id::uuid for no key update;
    else
      select status into v_status from public.workflow_executions where id = p_id::uuid for no key update;
    end if;
  end if;
  if v_status is null then
    raise exception 'there is no % execution %', p_kind, p_id using errcode = 'RC001';
  end if;
  return v_status;
end
$$;

-- The stream of an execution whose row is locked, where it may be written to.
create function runcast.writable_stream(p_kind text, p_id text, p_attempt integer default null)
returns runcast.execution_streams
language plpgsql set search_path = '' as $$
declare
  v_stream runcast.execution_streams;
begin
  select * into v_stream from runcast.execution_streams where kind = p_kind and execution_id = p_id;
  if not found then
    raise exception 'there is no % execution %', p_kind, p_id using errcode = 'RC001';
  elsif v_stream.state = 'closed' then
    raise exception 'the % execution % has ended', p_kind, p_id using errcode = 'RC002',
      hint = 'Its status, progress, error, logs and events stay as they are. To run it again, start a new one.';
  elsif p_attempt is not null and p_attempt <> v_stream.attempt then
    raise exception 'attempt % of the % execution % was taken over by attempt %', p_attempt, p_kind, p_id, v_stream.attempt
      using errcode = 'RC003';
  end if;
  return v_stream;
end
$$;

-- Numbers and stores a batch, moves the head of the stream, wakes the readers. p_logs says what the caller does with
-- the column logs: 'unchanged', 'stale' (not now) or 'projected' (it holds the newest lines up to this batch).
create function runcast.record_events(
  p_stream runcast.execution_streams, p_events jsonb[], p_ends boolean, p_logs text) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_at timestamptz := clock_timestamp();
  v_last bigint := p_stream.last_seq + cardinality(p_events);
  v_hint text;
begin
  update runcast.execution_streams s set
    last_seq = v_last,
    state = case when p_ends then 'closed' else s.state end,
    logs_stale = case p_logs when 'unchanged' then s.logs_stale else p_logs = 'stale' end,
    logs_projected_at = case p_logs when 'projected' then v_at else s.logs_projected_at end,
    logs_projected_seq = case p_logs when 'projected' then v_last else s.logs_projected_seq end,
    updated_at = v_at
  where s.kind = p_stream.kind and s.execution_id = p_stream.execution_id;
  if v_last = p_stream.last_seq then
    return v_last;
  end if;

  insert into runcast.execution_events (bucket, kind, execution_id, seq, type, at, attempt, payload)
  select p_stream.bucket, p_stream.kind, p_stream.execution_id, p_stream.last_seq + i, e ->> 'type', v_at,
    p_stream.attempt, e -> 'payload'
  from unnest(p_events) with ordinality as batch (e, i);

  v_hint := json_build_object(
    'k', p_stream.kind, 'i', p_stream.execution_id, 's', v_last, 'u', p_stream.user_id, 't', p_ends);
  -- A payload of 8,000 bytes is an error; the slow poll serves whoever follows an execution with such an id.
  if octet_length(v_hint) < 8000 then
    perform pg_notify('runcast_feed', v_hint);
  end if;
  return v_last;
end
$$;

-- The newest p_limit log lines after an event, oldest first.
create function runcast.log_lines(p_stream runcast.execution_streams, p_after bigint, p_limit integer) returns text[]
language sql stable set search_path = '' as $$
  select coalesce(array_agg(line order by seq), '{}')
  from (
    select e.seq, e.payload ->> 'message' as line
    from runcast.execution_events e
    where e.bucket = (p_stream).bucket and e.kind = (p_stream).kind and e.execution_id = (p_stream).execution_id
      and e.seq > p_after and e.type = 'log'
    order by e.seq desc
    limit p_limit
  ) newest
$$;

-- As many lines as the column logs holds.
create function runcast.newest_lines(p_lines text[]) returns text[]
language sql immutable set search_path = '' as $$
  select p_lines[greatest(1, cardinality(p_lines) - 999):]
$$;

-- Brings the execution's row up to date with the feed; a null leaves its column alone. p_lines are appended to logs.
create function runcast.project_execution(
  p_kind text, p_id text, p_status text default null, p_percent integer default null, p_error text default null,
  p_result jsonb default null, p_lines text[] default null) returns void
language plpgsql set search_path = '' as $$
declare
  v_ended timestamptz := case when runcast.is_terminal(p_status) then clock_timestamp() end;
  v_error jsonb := case when p_error is not null then jsonb_build_object('message', p_error) end;
begin
  -- Shown for the one update below. Where that fails, the rollback takes the setting back with it; a SET clause of the
  -- function would do both, but only a superuser may give a function one for a setting like this.
  perform set_config('runcast.projection', key, true) from runcast.projection_key;
  if p_kind = 'training' then
    update public.training_executions set
      status = coalesce(p_status, status), progress = coalesce(p_percent, progress),
      error = coalesce(p_error, error), result = coalesce(p_result, result),
      logs = case when p_lines is null then logs else runcast.newest_lines(logs || p_lines) end,
      started_at = case when p_status = 'running' then coalesce(started_at, clock_timestamp()) else started_at end,
      completed_at = coalesce(v_ended, completed_at)
    where id = p_id;
  elsif p_kind = 'agent' then
    update public.agent_executions set
      status = coalesce(p_status, status), error = coalesce(v_error, error), output = coalesce(p_result, output),
      completed_at = coalesce(v_ended, completed_at)
    where id = p_id::uuid;
  else
    update public.workflow_executions set
      status = coalesce(p_status, status), error = coalesce(v_error, error), output = coalesce(p_result, output),
      completed_at = coalesce(v_ended, completed_at)
    where id = p_id::uuid;
  end if;
  perform set_config('runcast.projection', '', true);
end
$$;

-- What is wrong with a batch, as 'events[<index from 0>].<field> <what it must be>'; null where nothing is. One
-- statement for the whole batch, since a loop in PL/pgSQL costs more than storing the events; but in PL/pgSQL, which
-- keeps its plan, where Postgres before 18 plans a function in SQL at every call.
create function runcast.batch_fault(p_events jsonb[]) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return (
  select format('events[%s]%s', i - 1, fault)
  from (
    select i, case e ->> 'type'
      when 'log' then case
        when jsonb_typeof(p -> 'message') is distinct from 'string' then '.payload.message must be text'
        when p ->> 'level' is null or p ->> 'level' not in ('debug', 'info', 'warn', 'error')
          then '.payload.level must be debug, info, warn or error'
        when jsonb_typeof(p -> 'source') is distinct from 'string' then '.payload.source must be text'
        end
      when 'progress' then case
        when jsonb_typeof(p -> 'percent') is distinct from 'number' then '.payload.percent must be a number'
        when (p ->> 'percent')::numeric not between 0 and 100 or (p ->> 'percent')::numeric % 1 <> 0
          then '.payload.percent must be a whole number from 0 to 100'
        when jsonb_typeof(p -> 'step') <> 'number' then '.payload.step must be a number'
        when jsonb_typeof(p -> 'totalSteps') <> 'number' then '.payload.totalSteps must be a number'
        when jsonb_typeof(p -> 'etaSeconds') <> 'number' then '.payload.etaSeconds must be a number'
        end
      when 'metric' then case
        when jsonb_typeof(p -> 'step') is distinct from 'number' then '.payload.step must be a number'
        when jsonb_typeof(p -> 'epoch') <> 'number' then '.payload.epoch must be a number'
        when jsonb_typeof(p -> 'values') is distinct from 'object' then '.payload.values must be an object'
        end
      when 'status' then case
        when jsonb_typeof(p -> 'to') is distinct from 'string' then '.payload.to must be text'
        when jsonb_typeof(p -> 'reason') <> 'string' then '.payload.reason must be text'
        end
      when 'step' then case
        when jsonb_typeof(p -> 'stepId') is distinct from 'string' then '.payload.stepId must be text'
        when jsonb_typeof(p -> 'name') is distinct from 'string' then '.payload.name must be text'
        when jsonb_typeof(p -> 'type') is distinct from 'string' then '.payload.type must be text'
        when jsonb_typeof(p -> 'state') is distinct from 'string' then '.payload.state must be text'
        when jsonb_typeof(p -> 'attempt') is distinct from 'number' then '.payload.attempt must be a number'
        end
      when 'output' then case
        when jsonb_typeof(p -> 'delta') is distinct from 'string' then '.payload.delta must be text'
        end
      when 'approval' then case
        when jsonb_typeof(p -> 'stepId') is distinct from 'string' then '.payload.stepId must be text'
        when jsonb_typeof(p -> 'prompt') is distinct from 'string' then '.payload.prompt must be text'
        end
      when 'provider' then case when p -> 'raw' is null then '.payload.raw is missing' end
      when 'gap' then case
        when jsonb_typeof(p -> 'reason') is distinct from 'string' then '.payload.reason must be text'
        end
      else '.type must be status, progress, log, metric, step, output, approval, provider or gap'
      end as fault
    from unnest(p_events) with ordinality as batch (e, i)
    cross join lateral (select e -> 'payload' as p) payload
  ) checked
  where fault is not null
  order by i
  limit 1);
end
$$;

-- Follows the status through a batch that changes it: fills in `from`, refuses what is no legal transition and
-- whatever comes after the end.
create function runcast.chain_status(p_kind text, p_status text, p_events jsonb[]) returns jsonb[]
language plpgsql immutable set search_path = '' as $$
declare
  v_legal jsonb := runcast.status_transitions(p_kind);
  v_status text := p_status;
  v_to text;
begin
  for i in 1 .. cardinality(p_events) loop
    if runcast.is_terminal(v_status) then
      raise exception 'events[%] comes after the terminal status %', i - 1, v_status using errcode = 'RC004';
    end if;
    continue when p_events[i] ->> 'type' <> 'status';
    v_to := p_events[i] #>> '{payload,to}';
    if not v_legal ? v_to then
      raise exception 'events[%].payload.to: % is no status of a % execution', i - 1, v_to, p_kind using errcode = 'RC004';
    elsif not coalesce(v_legal -> v_status ? v_to, true) then
      raise exception 'events[%].payload.to: a % execution cannot go from % to %', i - 1, p_kind, v_status, v_to
        using errcode = 'RC004';
    elsif coalesce(p_events[i] #>> '{payload,from}', v_status) <> v_status then
      raise exception 'events[%].payload.from: the status is %, not %', i - 1, v_status, p_events[i] #>> '{payload,from}'
        using errcode = 'RC004';
    end if;
    p_events[i] := jsonb_set(p_events[i], '{payload,from}', to_jsonb(v_status));
    v_status := v_to;
  end loop;
  return p_events;
end
$$;

create function runcast.append_execution_events(
  p_kind text, p_id text, p_events jsonb[], p_attempt integer default null) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  v_status text := runcast.lock_execution(p_kind, p_id);
  v_stream runcast.execution_streams := runcast.writable_stream(p_kind, p_id, p_attempt);
  v_fault text := runcast.batch_fault(p_events);
  v_percent integer;
  v_to text;
  v_reason text;
  v_has_logs boolean;
  v_ends boolean := false;
  v_logs text := 'unchanged';
  v_last bigint;
begin
  if v_fault is not null then
    raise exception '%', v_fault using errcode = 'RC004';
  end if;
  select
    coalesce(bool_or(e ->> 'type' = 'log'), false),
    (array_agg((e #>> '{payload,percent}')::numeric::integer order by i desc) filter (where e ->> 'type' = 'progress'))[1],
    (array_agg(e #>> '{payload,to}' order by i desc) filter (where e ->> 'type' = 'status'))[1],
    (array_agg(e #>> '{payload,reason}' order by i desc) filter (where e ->> 'type' = 'status'))[1]
  into v_has_logs, v_percent, v_to, v_reason
  from unnest(p_events) with ordinality as batch (e, i);

  if v_to is not null then
    p_events := runcast.chain_status(p_kind, v_status, p_events);
    v_ends := runcast.is_terminal(v_to);
  end if;
  -- The column logs follows at most once a second: kept up with every batch it costs 60 % of the throughput.
  if p_kind = 'training' then
    if v_ends and (v_has_logs or v_stream.logs_stale)
      or v_has_logs and coalesce(clock_timestamp() - v_stream.logs_projected_at >= interval '1 second', true)
    then
      v_logs := 'projected';
    elsif v_has_logs then
      v_logs := 'stale';
    end if;
  end if;

  v_last := runcast.record_events(v_stream, coalesce(p_events, '{}'), v_ends, v_logs);
  if v_to is not null or v_percent is not null or v_logs = 'projected' then
    perform runcast.project_execution(
      p_kind, p_id, v_to, v_percent, case when v_to = 'failed' then v_reason end, null,
      case when v_logs = 'projected' then runcast.log_lines(v_stream, v_stream.logs_projected_seq, 1000) end);
  end if;
  return v_last;
end
$$;
comment on function runcast.append_execution_events(text, text, jsonb[], integer) is
  'Appends a batch of {type, payload} and returns the number of its last event. With p_attempt only for the worker of '
  'that attempt. RC001 no such execution, RC002 it has ended, RC003 taken over, RC004 an event is wrong.';

revoke execute on function
  runcast.status_transitions(text), runcast.is_terminal(text), runcast.is_projecting(),
  runcast.lock_execution(text, text), runcast.writable_stream(text, text, integer),
  runcast.record_events(runcast.execution_streams, jsonb[], boolean, text),
  runcast.log_lines(runcast.execution_streams, bigint, integer), runcast.newest_lines(text[]),
  runcast.project_execution(text, text, text, integer, text, jsonb, text[]),
  runcast.batch_fault(jsonb[]), runcast.chain_status(text, text, jsonb[]),
  runcast.append_execution_events(text, text, jsonb[], integer)
from public, anon, authenticated;
grant execute on function runcast.append_execution_events(text, text, jsonb[], integer) to service_role;
