-- Feeds follow their owner alone again, and nobody hears of memberships and executions that go.
alter policy execution_streams_select_own on runcast.execution_streams
  using (user_id = (select auth.uid()));

do $$
begin
  if to_regclass('public.user_tenants') is not null then
    drop trigger if exists zz_runcast_access_update on public.user_tenants;
    drop trigger if exists zz_runcast_access_delete on public.user_tenants;
    drop trigger if exists zz_runcast_access_truncate on public.user_tenants;
  end if;
end
$$;
drop function if exists runcast.attach_access_hints(), runcast.announce_access();

create or replace function runcast.assert_callers_own(p_kind text, p_id text) returns void
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

create or replace function runcast.record_events(
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

create or replace function runcast.close_execution() returns trigger
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

create or replace function runcast.close_all_executions() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from runcast.execution_events where kind = tg_argv[0];
  delete from runcast.execution_streams where kind = tg_argv[0];
  return null;
end
$$;

drop function if exists runcast.notify_readers(json);
