-- What people are told within the platform. Each row is for one user and numbered under a lock on that user's counter, so
-- that whoever follows them by number meets every one: a sequence hands numbers out in another order than commits.

create table runcast.notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tenant_id uuid references public.tenants (id) on delete cascade,
  seq bigint not null,
  title text not null,
  body text not null,
  source_kind text check (source_kind in ('training', 'agent', 'workflow')),
  source_execution_id text,
  source_step_id text,
  dedupe_key text not null,
  created_at timestamptz not null default clock_timestamp(),
  read_at timestamptz,
  unique (user_id, seq),
  unique (user_id, dedupe_key)
);
alter table runcast.notifications enable row level security;
-- What was said of a tenant's run is the tenant's: as its feed, it is seen while one is an active member.
create policy notifications_select_own on runcast.notifications
  for select to authenticated
  using (
    user_id = (select auth.uid())
    and (tenant_id is null or tenant_id = any ((select runcast.tenants_of_caller())::uuid[])));
create policy notifications_update_own on runcast.notifications
  for update to authenticated
  using (
    user_id = (select auth.uid())
    and (tenant_id is null or tenant_id = any ((select runcast.tenants_of_caller())::uuid[])))
  with check (user_id = (select auth.uid()));
grant select, update (read_at) on runcast.notifications to authenticated;
grant select, insert, update, delete on runcast.notifications to service_role;
create index idx_notifications_user_id_created_at on runcast.notifications (user_id, created_at desc, id desc);
create index idx_notifications_user_id_unread on runcast.notifications (user_id, created_at desc, id desc)
  where read_at is null;
create index idx_notifications_tenant_id on runcast.notifications (tenant_id);
comment on table runcast.notifications is 'What users are told within the platform; written by runcast.notify_user alone';
comment on column runcast.notifications.seq is 'Counts from 1 for each user, in the order in which they were committed';
comment on column runcast.notifications.dedupe_key is
  'What it was sent by: with the same key the same user is told once';
comment on column runcast.notifications.source_execution_id is
  'The execution that sent it, of source_kind; of a step of it, source_step_id. The execution may be gone by now';

create table runcast.notification_counters (
  user_id uuid primary key references auth.users (id) on delete cascade,
  last_seq bigint not null
);
alter table runcast.notification_counters enable row level security;
create policy notification_counters_select_own on runcast.notification_counters
  for select to authenticated using (user_id = (select auth.uid()));
grant select on runcast.notification_counters to authenticated, service_role;
comment on table runcast.notification_counters is
  'The number of each user''s last notification; its row is locked while one is added';

create function runcast.notify_user(
  p_user uuid, p_tenant uuid, p_title text, p_body text, p_source jsonb, p_dedupe_key text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
  v_seq bigint;
begin
  select n.id into v_id from runcast.notifications n where n.user_id = p_user and n.dedupe_key = p_dedupe_key;
  if found then
    return v_id;
  end if;

  insert into runcast.notification_counters as c (user_id, last_seq) values (p_user, 1)
  on conflict (user_id) do update set last_seq = c.last_seq + 1
  returning last_seq into v_seq;
  -- Somebody may have sent the same while this waited for the lock.
  select n.id into v_id from runcast.notifications n where n.user_id = p_user and n.dedupe_key = p_dedupe_key;
  if found then
    update runcast.notification_counters set last_seq = v_seq - 1 where user_id = p_user;
    return v_id;
  end if;

  -- Cut rather than refused: whatever fails here takes the transaction of an execution that has failed with it.
  insert into runcast.notifications (
    user_id, tenant_id, seq, title, body, source_kind, source_execution_id, source_step_id, dedupe_key)
  values (
    p_user, p_tenant, v_seq, left(coalesce(p_title, ''), 200), left(coalesce(p_body, ''), 10000), p_source ->> 'kind',
    p_source ->> 'executionId', p_source ->> 'stepId', p_dedupe_key)
  returning id into v_id;
  -- A loop that notifies must not fill the disk.
  delete from runcast.notifications n where n.user_id = p_user and n.seq <= v_seq - 10000;

  -- By Postgres in any case, whoever sends the hints of the feed: these are few.
  perform runcast.notify_readers(json_build_object('k', 'notification', 'i', v_id, 's', v_seq, 'u', p_user, 't', false));
  return v_id;
end
$$;
comment on function runcast.notify_user(uuid, uuid, text, text, jsonb, text) is
  'Tells a user something, once for each key, and returns the row''s id. The source is null or {kind, executionId, stepId?}. '
  'Titles are cut at 200 characters and bodies at 10,000; of a user''s notifications the newest 10,000 are kept. Locks the '
  'user''s counter until the transaction ends: take every other lock first, and users in the order of their ids.';

-- Whom a run may notify: members of its tenant, and its owner.
create function runcast.find_recipients(p_owner uuid, p_tenant uuid, p_names text[])
returns table (name text, user_id uuid)
language sql stable security definer set search_path = '' as $$
  select asked.name, u.id
  from unnest(p_names) as asked (name)
  join auth.users u
    on u.id::text = lower(asked.name) or lower(u.email::text) = lower(asked.name)
      or (asked.name = 'owner' and u.id = p_owner)
  where u.id = p_owner or exists (
    select from public.user_tenants ut
    where ut.tenant_id = p_tenant and ut.user_id = u.id and ut.status = 'active')
$$;
comment on function runcast.find_recipients(uuid, uuid, text[]) is
  'The accounts that ids, e-mail addresses and the word owner stand for; whom the run may not notify is left out';

-- The worker acts for an execution's owner without a token that would say so.
create function runcast.email_of_user(p_user uuid) returns text
language sql stable security definer set search_path = '' as $$
  select u.email::text from auth.users u where u.id = p_user
$$;
comment on function runcast.email_of_user(uuid) is 'The address of an account; null where it has none or is gone';

revoke execute on function
  runcast.notify_user(uuid, uuid, text, text, jsonb, text), runcast.find_recipients(uuid, uuid, text[]),
  runcast.email_of_user(uuid)
from public, anon, authenticated;
grant execute on function
  runcast.notify_user(uuid, uuid, text, text, jsonb, text), runcast.find_recipients(uuid, uuid, text[]),
  runcast.email_of_user(uuid)
to service_role;
