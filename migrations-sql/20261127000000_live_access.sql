-- What a live connection has to be told, and what it may no longer see: a feed that belongs to a tenant follows the
-- membership in it, and whoever holds a stream open hears when a membership or an execution goes.

-- The owner's feed; of a run for a tenant only while they are an active member of it. The policies on events look
-- through this one. The InitPlan runs when the first row of a tenant asks for it: runs for no tenant do not pay.
alter policy execution_streams_select_own on runcast.execution_streams
  using (
    user_id = (select auth.uid())
    and (tenant_id is null or tenant_id = any ((select runcast.tenants_of_caller())::uuid[])));

-- Who may call for an execution: whoever may read its feed, or the service. Somebody else's is the same answer as
-- none at all.
create or replace function runcast.assert_callers_own(p_kind text, p_id text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if auth.role() is distinct from 'service_role' and not exists (
    select from runcast.execution_streams
    where kind = p_kind and execution_id = p_id and user_id = auth.uid()
      and (tenant_id is null or tenant_id = any (runcast.tenants_of_caller())))
  then
    raise exception 'there is no % execution %', p_kind, p_id using errcode = 'RC001';
  end if;
end
$$;

-- Wakes the readers of a feed. A payload of 8,000 bytes is an error; the slow poll serves whoever follows an
-- execution with such an id.
create function runcast.notify_readers(p_hint json) returns void
language plpgsql set search_path = '' as $$
begin
  if octet_length(p_hint::text) < 8000 then
    perform pg_notify('runcast_feed', p_hint::text);
  end if;
end
$$;

-- Numbers and stores a batch, moves the head of the stream, wakes the readers. p_logs says what the caller does with
-- the column logs: 'unchanged', 'stale' (not now) or 'projected' (it holds the newest lines up to this batch).
create or replace function runcast.record_events(
  p_stream runcast.execution_streams, p_events jsonb[], p_ends boolean, p_logs text) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_at timestamptz := clock_timestamp();
  v_last bigint := p_stream.last_seq + cardinality(p_events);
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

  -- A session of ours that sends its own hints elsewhere says so. What comes through a trigger is somebody's change of
  -- the row, who knows nothing of it, whatever the session says.
  if pg_trigger_depth() > 0 or current_setting('runcast.hints', true) is distinct from 'off' then
    perform runcast.notify_readers(json_build_object(
      'k', p_stream.kind, 'i', p_stream.execution_id, 's', v_last, 'u', p_stream.user_id, 't', p_ends));
  end if;
  return v_last;
end
$$;

-- Whoever follows an execution that is deleted hears that there is no more to come.
create or replace function runcast.close_execution() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_stream runcast.execution_streams;
begin
  delete from runcast.execution_streams where kind = tg_argv[0] and execution_id = old.id::text
  returning * into v_stream;
  if found then
    delete from runcast.execution_events
    where bucket = v_stream.bucket and kind = v_stream.kind and execution_id = v_stream.execution_id;
    perform runcast.notify_readers(json_build_object(
      'k', v_stream.kind, 'i', v_stream.execution_id, 's', null, 'u', v_stream.user_id, 't', true, 'd', true));
  end if;
  return null;
end
$$;

create or replace function runcast.close_all_executions() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from runcast.execution_events where kind = tg_argv[0];
  delete from runcast.execution_streams where kind = tg_argv[0];
  perform runcast.notify_readers(json_build_object('k', tg_argv[0], 't', true, 'd', true));
  return null;
end
$$;

-- Says whose access has changed, however it did: by our functions, a platform's console, a tenant that was deleted. A
-- user of null is everybody: TRUNCATE does not say whose rows it takes.
create function runcast.announce_access() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'TRUNCATE' then
    perform pg_notify('runcast_access', '{"u": null}');
    return null;
  end if;
  perform pg_notify('runcast_access', json_build_object('u', old.user_id)::text);
  if tg_op = 'UPDATE' and new.user_id is distinct from old.user_id then
    perform pg_notify('runcast_access', json_build_object('u', new.user_id)::text);
  end if;
  return null;
end
$$;

-- Puts the triggers on the members' table, and turns them on where somebody turned them off. Nothing is made twice: it
-- would lock the table at every start.
create function runcast.attach_access_hints() returns void
language plpgsql set search_path = '' as $$
begin
  if to_regclass('public.user_tenants') is null
    or 3 = (
      select count(*) from pg_trigger
      where tgrelid = to_regclass('public.user_tenants') and tgname like 'zz\_runcast\_access\_%' and tgenabled in ('O', 'A'))
  then
    return;
  end if;
  create or replace trigger zz_runcast_access_update after update on public.user_tenants
    for each row when (
      (old.tenant_id, old.user_id, old.role, old.status) is distinct from (new.tenant_id, new.user_id, new.role, new.status))
    execute function runcast.announce_access();
  create or replace trigger zz_runcast_access_delete after delete on public.user_tenants
    for each row execute function runcast.announce_access();
  create or replace trigger zz_runcast_access_truncate after truncate on public.user_tenants
    for each statement execute function runcast.announce_access();
  alter table public.user_tenants
    enable trigger zz_runcast_access_update, enable trigger zz_runcast_access_delete,
    enable trigger zz_runcast_access_truncate;
end
$$;

revoke execute on function
  runcast.notify_readers(json), runcast.announce_access(), runcast.attach_access_hints()
from public, anon, authenticated;

select runcast.attach_access_hints();
