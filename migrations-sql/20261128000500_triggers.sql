-- What starts workflows besides people: the clock, signed requests and events. Whom such a run belongs to is whoever made
-- the workflow; src/modules/workflows/triggers starts them.

create table runcast.workflow_schedules (
  workflow_id uuid primary key references public.workflows (id) on delete cascade,
  cron text not null,
  timezone text not null,
  missed text not null check (missed in ('skip', 'one')),
  next_at timestamptz,
  last_at timestamptz,
  last_execution_id uuid references public.workflow_executions (id) on delete set null,
  last_error text
);
alter table runcast.workflow_schedules enable row level security;
create policy workflow_schedules_select_visible on runcast.workflow_schedules
  for select to authenticated
  using (exists (select from public.workflows w where w.id = workflow_schedules.workflow_id));
grant select on runcast.workflow_schedules to authenticated;
grant select, update on runcast.workflow_schedules to service_role;
create index idx_workflow_schedules_next_at on runcast.workflow_schedules (next_at);
create index idx_workflow_schedules_last_execution_id on runcast.workflow_schedules (last_execution_id);
comment on table runcast.workflow_schedules is
  'When workflows with a schedule are due; follows their rows by a trigger, and workers move it on';
comment on column runcast.workflow_schedules.missed is 'What becomes of runs that nobody started in time: none, or one for all of them';
comment on column runcast.workflow_schedules.next_at is
  'Null: a worker is to work it out; infinity: never, since the workflow is disabled or its schedule cannot be read';
comment on column runcast.workflow_schedules.last_at is 'The time for which a run was last started, which is when it was due';
comment on column runcast.workflow_schedules.last_error is 'Why the last due time started nothing; null where it did';

-- A trigger of another type has no schedule. Of one that stays as it is the next time stays, too.
create function runcast.set_workflow_schedule(p_workflow uuid, p_trigger jsonb, p_enabled boolean) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_trigger ->> 'type' is distinct from 'schedule' then
    delete from runcast.workflow_schedules where workflow_id = p_workflow;
    return;
  end if;
  insert into runcast.workflow_schedules as s (workflow_id, cron, timezone, missed, next_at)
  values (
    p_workflow, coalesce(p_trigger ->> 'cron', ''), coalesce(p_trigger ->> 'timezone', 'UTC'),
    case when p_trigger ->> 'missed' = 'one' then 'one' else 'skip' end,
    case when p_enabled then null else 'infinity'::timestamptz end)
  on conflict (workflow_id) do update set
    cron = excluded.cron, timezone = excluded.timezone, missed = excluded.missed,
    next_at = case
      when excluded.next_at is not null then 'infinity'
      when (s.cron, s.timezone) = (excluded.cron, excluded.timezone) and s.next_at < 'infinity' then s.next_at end,
    last_error = case when (s.cron, s.timezone) = (excluded.cron, excluded.timezone) then s.last_error end;
end
$$;

create function runcast.follow_workflow_trigger() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform runcast.set_workflow_schedule(new.id, new.trigger, new.enabled);
  return null;
end
$$;

create table runcast.workflow_webhooks (
  workflow_id uuid primary key references public.workflows (id) on delete cascade,
  ciphertext text not null,
  rotated_at timestamptz not null default now(),
  rotated_by uuid
);
alter table runcast.workflow_webhooks enable row level security;
-- Whoever sees the workflow sees that there is one; whoever may change the workflow sets another.
create policy workflow_webhooks_select_visible on runcast.workflow_webhooks
  for select to authenticated
  using (exists (select from public.workflows w where w.id = workflow_webhooks.workflow_id));
create policy workflow_webhooks_insert_by_role on runcast.workflow_webhooks
  for insert to authenticated
  with check (
    rotated_by = (select auth.uid())
    and exists (
      select from public.workflows w
      where w.id = workflow_webhooks.workflow_id
        and w.tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[])));
create policy workflow_webhooks_update_by_role on runcast.workflow_webhooks
  for update to authenticated
  using (exists (
    select from public.workflows w
    where w.id = workflow_webhooks.workflow_id
      and w.tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[])))
  with check (rotated_by = (select auth.uid()));
grant select (workflow_id, rotated_at, rotated_by) on runcast.workflow_webhooks to authenticated;
grant insert (workflow_id, ciphertext, rotated_at, rotated_by) on runcast.workflow_webhooks to authenticated;
grant update (ciphertext, rotated_at, rotated_by) on runcast.workflow_webhooks to authenticated;
grant select, insert, update, delete on runcast.workflow_webhooks to service_role;
comment on table runcast.workflow_webhooks is
  'What requests that start a workflow are signed with, encrypted by the program with SECRETS_KEY';
comment on column runcast.workflow_webhooks.ciphertext is 'As of runcast.secrets; the workflow is authenticated with it';
comment on column runcast.workflow_webhooks.rotated_by is 'The user who set it; null for service_role';

-- Whether a workflow listens for an event of that name. An event of no tenant is heard by what its user made for none.
create function runcast.is_listened_for(p_name text, p_tenant uuid, p_user uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.workflows w
    where w.trigger ->> 'type' = 'event' and w.enabled and w.trigger ->> 'eventName' = p_name
      and (w.tenant_id = p_tenant or (p_tenant is null and w.tenant_id is null and w.created_by = p_user)))
$$;

-- The workers must not be missing for somebody to write telemetry: without their queue an event starts nothing.
create function runcast.announce_event(p_data jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform runcast.enqueue_job('workflow.event', p_data);
exception when undefined_object or undefined_table then
  raise warning 'an event starts no workflow, since there is no queue for it';
end
$$;

-- Whoever writes an event himself starts runs by it, so it takes the role that starting them takes; a service tells what
-- it has seen of anybody.
create function runcast.hear_telemetry() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_is_own boolean := coalesce(auth.role() = 'authenticated', false);
begin
  perform runcast.announce_event(jsonb_build_object('eventId', e.id))
  from new_rows e
  where runcast.is_listened_for(e.type, e.tenant_id, e.user_id)
    and (not v_is_own or e.tenant_id is null or exists (
      select from public.user_tenants ut
      where ut.tenant_id = e.tenant_id and ut.user_id = e.user_id and ut.status = 'active'
        and ut.role in ('admin', 'member')));
  return null;
end
$$;

-- Training runs of ours end without telemetry.
create function runcast.hear_training() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform runcast.announce_event(jsonb_build_object('trainingId', new.id))
  from runcast.execution_streams s
  where s.kind = 'training' and s.execution_id = new.id and s.origin = 'runcast'
    and runcast.is_listened_for('training_' || new.status, s.tenant_id, s.user_id);
  return null;
end
$$;

-- Puts the triggers and the index on the platform's tables where they are missing. Whoever drops such a table takes them
-- along, so every `migrate:apply` calls this again.
create function runcast.attach_workflow_triggers() returns void
language plpgsql set search_path = '' as $$
begin
  if to_regclass('public.workflows') is not null then
    create index if not exists idx_workflows_event_name on public.workflows ((trigger ->> 'eventName'))
      where trigger ->> 'type' = 'event' and enabled;
    if not exists (select from pg_trigger where tgrelid = to_regclass('public.workflows') and tgname = 'runcast_schedule') then
      create trigger runcast_schedule after insert or update of trigger, enabled on public.workflows
        for each row execute function runcast.follow_workflow_trigger();
    end if;
    perform runcast.set_workflow_schedule(w.id, w.trigger, w.enabled) from public.workflows w
    where w.trigger ->> 'type' = 'schedule'
      and not exists (select from runcast.workflow_schedules s where s.workflow_id = w.id);
  end if;
  if to_regclass('public.telemetry_events') is not null and not exists (
    select from pg_trigger where tgrelid = to_regclass('public.telemetry_events') and tgname = 'runcast_events')
  then
    create trigger runcast_events after insert on public.telemetry_events
      referencing new table as new_rows for each statement execute function runcast.hear_telemetry();
  end if;
  if to_regclass('public.training_executions') is not null and not exists (
    select from pg_trigger where tgrelid = to_regclass('public.training_executions') and tgname = 'runcast_events')
  then
    create trigger runcast_events after update on public.training_executions for each row
      when (old.status is distinct from new.status and new.status in ('completed', 'failed', 'cancelled'))
      execute function runcast.hear_training();
  end if;
end
$$;

revoke execute on function
  runcast.set_workflow_schedule(uuid, jsonb, boolean), runcast.follow_workflow_trigger(),
  runcast.is_listened_for(text, uuid, uuid), runcast.announce_event(jsonb), runcast.hear_telemetry(),
  runcast.hear_training(), runcast.attach_workflow_triggers()
from public, anon, authenticated;

select runcast.attach_workflow_triggers();
