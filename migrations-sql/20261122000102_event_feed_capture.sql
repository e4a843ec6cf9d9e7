-- The executions' own tables stay true for every client: what anybody but the feed writes to status, progress, error
-- or logs becomes events, in the same transaction. Supabase clients, consoles and psql need to know nothing of it.

-- How many lines from the start of p_lines are a run somewhere in p_feed: the longest such run. Knuth, Morris and
-- Pratt, so that thousands of identical lines take as many steps and not their square.
create function runcast.known_lines(p_feed text[], p_lines text[]) returns integer
language plpgsql immutable set search_path = '' as $$
declare
  v_length integer := least(cardinality(p_lines), cardinality(p_feed));
  v_border integer[] := array_fill(0, array[v_length]);
  v_run integer := 0;
  v_best integer := 0;
begin
  for i in 2 .. v_length loop
    while v_run > 0 and p_lines[v_run + 1] <> p_lines[i] loop
      v_run := v_border[v_run];
    end loop;
    if p_lines[v_run + 1] = p_lines[i] then
      v_run := v_run + 1;
    end if;
    v_border[i] := v_run;
  end loop;

  v_run := 0;
  for i in 1 .. cardinality(p_feed) loop
    exit when v_best = v_length;
    while v_run > 0 and p_lines[v_run + 1] <> p_feed[i] loop
      v_run := v_border[v_run];
    end loop;
    if p_lines[v_run + 1] = p_feed[i] then
      v_run := v_run + 1;
    end if;
    v_best := greatest(v_best, v_run);
  end loop;
  return v_best;
end
$$;

-- A one-dimensional array from 1, without nulls: other clients may store any text[].
create function runcast.plain_lines(p_lines text[]) returns text[]
language sql immutable set search_path = '' as $$
  select case
    when array_ndims(p_lines) > 1 or array_lower(p_lines, 1) <> 1 or array_position(p_lines, null) is not null
    then array(select coalesce(line, '') from unnest(p_lines) with ordinality as lines (line, i) order by i)
    else p_lines
  end
$$;

create function runcast.external_log(p_level text, p_message text) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('type', 'log', 'payload',
    jsonb_build_object('level', p_level, 'message', p_message, 'source', 'external'))
$$;

create function runcast.external_logs(p_lines text[]) returns jsonb[]
language sql immutable set search_path = '' as $$
  select coalesce(array_agg(runcast.external_log('info', line) order by i), '{}')
  from unnest(p_lines) with ordinality as lines (line, i)
$$;

create function runcast.external_status(p_kind text, p_from text, p_to text, p_reason text default null) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  if not runcast.status_transitions(p_kind) ? p_to then
    raise exception '% is no status of a % execution', p_to, p_kind using errcode = 'RC004',
      hint = 'Use one of ' || (select string_agg(s, ', ') from jsonb_object_keys(runcast.status_transitions(p_kind)) s);
  end if;
  return jsonb_build_object('type', 'status', 'payload',
    jsonb_build_object('from', p_from, 'to', p_to)
    || case when p_reason is null then '{}' else jsonb_build_object('reason', p_reason) end);
end
$$;

-- Makes the stream of a row that has none, with events for what the row says. p_row is the row as a JSON object.
create function runcast.open_stream(p_kind text, p_row jsonb) returns runcast.execution_streams
language plpgsql set search_path = '' as $$
declare
  v_stream runcast.execution_streams;
  v_status text := p_row ->> 'status';
  v_ends boolean := runcast.is_terminal(v_status);
  -- Not through external_status: a row that is older than the feed may have any status.
  v_first jsonb := jsonb_build_object('type', 'status', 'payload', jsonb_build_object('from', null, 'to', v_status));
  v_lines text[] := '{}';
  v_events jsonb[];
begin
  insert into runcast.execution_streams (kind, execution_id, bucket, user_id, tenant_id)
  values (p_kind, p_row ->> 'id', date_trunc('month', now() at time zone 'utc')::date, (p_row ->> 'user_id')::uuid,
    (p_row ->> 'tenant_id')::uuid)
  returning * into v_stream;

  if jsonb_typeof(p_row -> 'logs') = 'array' then
    v_lines := array(
      select coalesce(line, '') from jsonb_array_elements_text(p_row -> 'logs') with ordinality as lines (line, i) order by i);
  end if;
  v_events := runcast.external_logs(v_lines);
  if (p_row ->> 'progress')::integer <> 0 then
    v_events := v_events || jsonb_build_object('type', 'progress', 'payload',
      jsonb_build_object('percent', least(100, greatest(0, (p_row ->> 'progress')::integer))));
  end if;
  v_events := case when v_ends then v_events || v_first else v_first || v_events end;
  perform runcast.record_events(v_stream, v_events, v_ends, case
    when cardinality(v_lines) = 0 then 'unchanged' when cardinality(v_lines) > 1000 then 'stale' else 'projected' end);
  -- A longer column than ours is cut by the next refresh; it holds all lines that there are.
  update runcast.execution_streams s set logs_projected_seq = s.last_seq
  where s.kind = p_kind and s.execution_id = v_stream.execution_id
  returning * into v_stream;
  return v_stream;
end
$$;

create function runcast.open_execution() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if not runcast.status_transitions(tg_argv[0]) ? new.status then
    perform runcast.external_status(tg_argv[0], null, new.status);
  end if;
  perform runcast.open_stream(tg_argv[0], to_jsonb(new));
  return null;
end
$$;

create function runcast.close_execution() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_bucket date;
begin
  delete from runcast.execution_streams where kind = tg_argv[0] and execution_id = old.id::text
  returning bucket into v_bucket;
  delete from runcast.execution_events
  where bucket = v_bucket and kind = tg_argv[0] and execution_id = old.id::text;
  return null;
end
$$;

create function runcast.close_all_executions() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from runcast.execution_events where kind = tg_argv[0];
  delete from runcast.execution_streams where kind = tg_argv[0];
  return null;
end
$$;

-- An execution keeps its id; its stream follows it to a new owner.
create function runcast.follow_row(p_kind text, p_old_id text, p_id text, p_user uuid) returns void
language plpgsql set search_path = '' as $$
begin
  if p_id <> p_old_id then
    raise exception 'the id of an execution does not change' using errcode = 'RC004';
  end if;
  update runcast.execution_streams set user_id = p_user
  where kind = p_kind and execution_id = p_id and user_id <> p_user;
end
$$;

-- Logs, then progress, then a changed error on its own, then the status: a terminal status is the last event. Between
-- the statuses of the vocabulary every step is allowed here, since whoever runs an execution may report only its end.
create function runcast.capture_training_change() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_stream runcast.execution_streams;
  v_feed text[];
  v_tail text[] := '{}';
  v_events jsonb[] := '{}';
  v_logs text := 'unchanged';
begin
  -- A null violates the table's own constraint, which says so better than we could.
  if runcast.is_projecting() or new.status is null or new.progress is null or new.logs is null then
    return new;
  end if;
  -- Restored with its triggers off, say.
  if not exists (select from runcast.execution_streams where kind = 'training' and execution_id = old.id) then
    perform runcast.open_stream('training', to_jsonb(old));
  end if;
  perform runcast.follow_row('training', old.id, new.id, new.user_id);
  if (old.status, old.progress, old.error, old.logs) is not distinct from
    (new.status, new.progress, new.error, new.logs)
  then
    return new;
  end if;
  v_stream := runcast.writable_stream('training', new.id);

  if new.logs is distinct from old.logs then
    new.logs := runcast.plain_lines(new.logs);
    if new.logs[1:cardinality(old.logs)] = old.logs then
      v_tail := new.logs[cardinality(old.logs) + 1:];
      v_feed := old.logs || runcast.log_lines(v_stream, v_stream.logs_projected_seq, 1000);
    else
      -- The array was read earlier: what it begins with is in the feed. The first window is enough unless more than
      -- a thousand lines came between its reading and its writing.
      v_feed := runcast.log_lines(v_stream, 0, 2000);
      v_tail := new.logs[runcast.known_lines(v_feed, new.logs) + 1:];
      if cardinality(v_tail) * 2 > cardinality(new.logs) and cardinality(v_feed) = 2000 then
        v_feed := runcast.log_lines(v_stream, 0, 20000);
        v_tail := new.logs[runcast.known_lines(v_feed, new.logs) + 1:];
      end if;
    end if;
    new.logs := v_feed || v_tail;
    v_events := runcast.external_logs(v_tail);
    v_logs := 'projected';
  end if;

  new.progress := least(100, greatest(0, new.progress));
  if new.progress <> old.progress then
    v_events := v_events || jsonb_build_object('type', 'progress', 'payload', jsonb_build_object('percent', new.progress));
  end if;
  if new.error is distinct from old.error and new.error is not null and new.status = old.status then
    v_events := v_events || runcast.external_log('error', new.error);
    if v_logs = 'unchanged' then
      new.logs := old.logs || runcast.log_lines(v_stream, v_stream.logs_projected_seq, 1000);
    end if;
    new.logs := new.logs || new.error;
    v_logs := 'projected';
  end if;
  if new.status <> old.status then
    v_events := v_events || runcast.external_status('training', old.status, new.status,
      case when new.error is distinct from old.error then new.error end);
    if v_logs = 'unchanged' and v_stream.logs_stale then
      new.logs := old.logs || runcast.log_lines(v_stream, v_stream.logs_projected_seq, 1000);
      v_logs := 'projected';
    end if;
    if new.status = 'running' then
      new.started_at := coalesce(new.started_at, clock_timestamp());
    elsif runcast.is_terminal(new.status) then
      new.completed_at := coalesce(new.completed_at, clock_timestamp());
    end if;
  end if;
  new.logs := runcast.newest_lines(new.logs);
  perform runcast.record_events(v_stream, v_events, runcast.is_terminal(new.status), v_logs);
  return new;
end
$$;

-- Agents and workflows: the same for their status and their error, which is JSON there.
create function runcast.capture_execution_change() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_kind text := tg_argv[0];
  v_stream runcast.execution_streams;
  v_error text := case when new.error is distinct from old.error then coalesce(new.error ->> 'message', new.error::text) end;
  v_events jsonb[] := '{}';
begin
  if runcast.is_projecting() or new.status is null then
    return new;
  end if;
  if not exists (select from runcast.execution_streams where kind = v_kind and execution_id = old.id::text) then
    perform runcast.open_stream(v_kind, to_jsonb(old));
  end if;
  perform runcast.follow_row(v_kind, old.id::text, new.id::text, new.user_id);
  if (old.status, old.error) is not distinct from (new.status, new.error) then
    return new;
  end if;
  v_stream := runcast.writable_stream(v_kind, new.id::text);
  if new.status <> old.status then
    v_events := array[runcast.external_status(v_kind, old.status, new.status, v_error)];
    if runcast.is_terminal(new.status) then
      new.completed_at := coalesce(new.completed_at, clock_timestamp());
    end if;
  elsif v_error is not null then
    v_events := array[runcast.external_log('error', v_error)];
  end if;
  perform runcast.record_events(v_stream, v_events, runcast.is_terminal(new.status), 'unchanged');
  return new;
end
$$;

-- Puts the triggers on the executions' tables that are there and makes their rows and the streams agree. Guide 1's
-- rollback drops a table with its triggers, so every `migrate:apply` calls this again.
create function runcast.attach_feed() returns void
language plpgsql set search_path = '' as $$
declare
  v_kind text;
  v_table regclass;
  v_row jsonb;
begin
  insert into runcast.projection_key
  select gen_random_uuid()::text || gen_random_uuid()::text where not exists (select from runcast.projection_key);
  foreach v_kind in array array['training', 'agent', 'workflow'] loop
    v_table := to_regclass('public.' || v_kind || '_executions');
    continue when v_table is null;
    -- "zz" makes the capture the last of the triggers before an update: it sees what will be stored.
    execute format(
      'create or replace trigger zz_runcast_capture before update on %1$s for each row when (%2$s)
         execute function runcast.%3$I(%4$L)', v_table,
      case v_kind when 'training'
        then '(old.id, old.user_id, old.status, old.progress, old.error, old.logs) is distinct from
              (new.id, new.user_id, new.status, new.progress, new.error, new.logs)'
        else '(old.id, old.user_id, old.status, old.error) is distinct from (new.id, new.user_id, new.status, new.error)' end,
      case v_kind when 'training' then 'capture_training_change' else 'capture_execution_change' end, v_kind);
    execute format('create or replace trigger zz_runcast_open after insert on %s for each row
      execute function runcast.open_execution(%L)', v_table, v_kind);
    execute format('create or replace trigger zz_runcast_close after delete on %s for each row
      execute function runcast.close_execution(%L)', v_table, v_kind);
    execute format('create or replace trigger zz_runcast_close_all after truncate on %s for each statement
      execute function runcast.close_all_executions(%L)', v_table, v_kind);

    -- Rows that are older than their triggers, and streams of a table that was dropped.
    for v_row in execute format(
      'select to_jsonb(t) from %s t where not exists (
         select from runcast.execution_streams s where s.kind = $1 and s.execution_id = t.id::text)', v_table) using v_kind
    loop
      perform runcast.open_stream(v_kind, v_row);
    end loop;
    execute format(
      'with gone as (
         delete from runcast.execution_streams s
         where s.kind = $1 and not exists (select from %s t where t.id::text = s.execution_id)
         returning s.bucket, s.kind, s.execution_id)
       delete from runcast.execution_events e using gone g
       where (e.bucket, e.kind, e.execution_id) = (g.bucket, g.kind, g.execution_id)', v_table) using v_kind;
  end loop;
end
$$;

revoke execute on function
  runcast.known_lines(text[], text[]), runcast.plain_lines(text[]), runcast.external_log(text, text),
  runcast.external_logs(text[]), runcast.external_status(text, text, text, text), runcast.open_stream(text, jsonb),
  runcast.open_execution(), runcast.close_execution(), runcast.close_all_executions(),
  runcast.follow_row(text, text, text, uuid), runcast.capture_training_change(),
  runcast.capture_execution_change(), runcast.attach_feed()
from public, anon, authenticated;

select runcast.attach_feed();
