-- Lines nearly at the speed of rows. Most of what is appended is log lines and nothing else. They change no status and
-- no progress, so there is little to look at: three statements in one function, where every other batch takes nine in six.

create function runcast.append_lines(
  p_kind text, p_id text, p_lines jsonb, p_attempt integer default null, out last_seq bigint, out user_id uuid)
language plpgsql security definer set search_path = '' as $$
declare
  v_count integer := jsonb_array_length(p_lines);
  v_stream runcast.execution_streams;
  v_stored integer;
begin
  if p_kind = 'training' and v_count > 0 then
    -- The same two locks in the same order as everywhere: the execution's row, then its stream. In one statement they
    -- take longer than in two.
    perform from public.training_executions e where e.id = p_id for no key update;
    update runcast.execution_streams s set last_seq = s.last_seq + v_count, logs_stale = true, updated_at = clock_timestamp()
    where s.kind = 'training' and s.execution_id = p_id and s.state = 'open' and (p_attempt is null or s.attempt = p_attempt)
    returning s.* into v_stream;
  end if;
  -- Why the stream takes no events, if it takes none, the long way says.
  if v_stream is null then
    last_seq := runcast.append_execution_events(p_kind, p_id, runcast.log_events(p_lines), p_attempt);
    user_id := (select s.user_id from runcast.execution_streams s where s.kind = p_kind and s.execution_id = p_id);
    return;
  end if;

  last_seq := v_stream.last_seq;
  user_id := v_stream.user_id;
  insert into runcast.execution_events (bucket, kind, execution_id, seq, type, at, attempt, payload)
  select v_stream.bucket, 'training', p_id, v_stream.last_seq - v_count + i, 'log', v_stream.updated_at, v_stream.attempt, line
  from jsonb_array_elements(p_lines) with ordinality as lines (line, i)
  where jsonb_typeof(line -> 'message') = 'string' and line ->> 'level' in ('debug', 'info', 'warn', 'error')
    and jsonb_typeof(line -> 'source') = 'string';
  get diagnostics v_stored = row_count;
  if v_stored < v_count then
    raise exception '%', runcast.batch_fault(runcast.log_events(p_lines)) using errcode = 'RC004';
  end if;

  -- As everywhere, the column logs follows at most once a second.
  if coalesce(v_stream.logs_projected_at <= v_stream.updated_at - interval '1 second', true) then
    perform runcast.project_execution(
      p_kind, p_id, p_lines => runcast.log_lines(v_stream, v_stream.logs_projected_seq, 1000));
    perform runcast.record_events(v_stream, '{}', false, 'projected');
  end if;
  if current_setting('runcast.hints', true) is distinct from 'off' then
    perform runcast.notify_readers(json_build_object('k', p_kind, 'i', p_id, 's', last_seq, 'u', user_id, 't', false));
  end if;
end
$$;
comment on function runcast.append_lines(text, text, jsonb, integer) is
  'append_execution_events of log lines alone, as a JSON array of {level, message, source}; also returns whose they are';

create function runcast.log_events(p_lines jsonb) returns jsonb[]
language sql immutable set search_path = '' as $$
  select array(
    select jsonb_build_object('type', 'log', 'payload', line)
    from jsonb_array_elements(p_lines) with ordinality as lines (line, i) order by i)
$$;

revoke execute on function runcast.append_lines(text, text, jsonb, integer), runcast.log_events(jsonb)
from public, anon, authenticated;
grant execute on function runcast.append_lines(text, text, jsonb, integer) to service_role;

comment on table runcast.execution_events is
  'What happened, in order. Written by runcast.append_execution_events, by runcast.append_lines and by the triggers on '
  'the executions'' tables alone.';
