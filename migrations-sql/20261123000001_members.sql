-- Joining, changing and leaving a tenant. Nobody but service_role writes public.user_tenants; these functions do, each
-- under its tenant's row lock, so that two admins who demote each other at once cannot both succeed.

-- By e-mail address and not by account: an invitation says nothing about whether the address has one. Whoever is
-- invited by their user id has a row of status pending in public.user_tenants instead, as the platform's clients expect.
create table runcast.invitations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  email text not null check (email = lower(email)),
  role text not null check (role in ('admin', 'member', 'viewer', 'billing')),
  invited_by uuid,
  created_at timestamptz not null default now(),
  unique (tenant_id, email)
);
alter table runcast.invitations enable row level security;
create policy invitations_select_admins on runcast.invitations
  for select to authenticated
  using (tenant_id = any ((select runcast.tenants_of_caller(array['admin']))::uuid[]));
grant select on runcast.invitations to authenticated;
grant select, insert, update, delete on runcast.invitations to service_role;
create index idx_invitations_email on runcast.invitations (email);
create index idx_invitations_tenant_id_created_at on runcast.invitations (tenant_id, created_at desc, id desc);
comment on table runcast.invitations is
  'Invitations to a tenant by e-mail address, until they are accepted, declined or taken back';
comment on column runcast.invitations.email is 'In lower case';
comment on column runcast.invitations.role is 'admin, member, viewer or billing: what the invited becomes';
comment on column runcast.invitations.invited_by is 'The admin''s user id; null for service_role';

-- The address that speaks for the caller, in lower case; null for none. Where the platform keeps note of it, only one
-- that was confirmed: otherwise whoever signs up with somebody's address could accept their invitations.
create function runcast.email_of_caller() returns text
language sql stable security definer set search_path = '' as $$
  select lower(u.email) from auth.users u
  where u.id = (select auth.uid())
    and (not to_jsonb(u) ? 'email_confirmed_at' or to_jsonb(u) ->> 'email_confirmed_at' is not null)
$$;

-- Asked before the lock too, so that nobody can hold up what is not theirs.
create function runcast.lock_tenant(p_tenant uuid, p_roles text[] default null) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_is_service constant boolean := coalesce(auth.role() = 'service_role', false);
begin
  if not v_is_service and not p_tenant = any (runcast.tenants_of_caller(p_roles)) then
    return case when p_tenant = any (runcast.tenants_of_caller()) then 'forbidden' else 'not_found' end;
  end if;
  perform from public.tenants where id = p_tenant for no key update;
  if not found then
    return 'not_found';
  elsif not v_is_service and not p_tenant = any (runcast.tenants_of_caller(p_roles)) then
    return case when p_tenant = any (runcast.tenants_of_caller()) then 'forbidden' else 'not_found' end;
  end if;
  return null;
end
$$;

comment on function runcast.lock_tenant(uuid, text[]) is
  'Locks a tenant in which the caller has one of the roles, or any: null. Otherwise why not: not_found, forbidden';

-- Whether the tenant has an active admin besides that user. To be asked under the tenant's lock.
create function runcast.has_other_admin(p_tenant uuid, p_user uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.user_tenants
    where tenant_id = p_tenant and user_id <> p_user and role = 'admin' and status = 'active')
$$;

create function runcast.create_tenant(p_name text, p_subdomain text, p_settings jsonb default '{}') returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_tenant uuid;
begin
  if auth.uid() is null then
    raise exception 'a tenant needs a user as its first admin' using errcode = 'insufficient_privilege';
  end if;
  insert into public.tenants (name, subdomain, settings) values (p_name, p_subdomain, p_settings)
  returning id into v_tenant;
  insert into public.user_tenants (tenant_id, user_id, role) values (v_tenant, auth.uid(), 'admin');
  return v_tenant;
end
$$;
comment on function runcast.create_tenant(text, text, jsonb) is
  'Makes a tenant with the caller as its admin. A subdomain that is taken violates tenants_subdomain_key.';

create function runcast.invite_user(p_tenant uuid, p_user uuid, p_role text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_refusal text := runcast.lock_tenant(p_tenant, array['admin']);
  v_status text;
begin
  if v_refusal is not null then
    return v_refusal;
  elsif not exists (select from auth.users where id = p_user) then
    return 'no_user';
  end if;
  insert into public.user_tenants (tenant_id, user_id, role, status) values (p_tenant, p_user, p_role, 'pending')
  on conflict (tenant_id, user_id) do update set role = excluded.role, status = 'pending', created_at = now()
  where user_tenants.status in ('pending', 'removed')
  returning status into v_status;
  return case when v_status is null then 'member' else 'done' end;
end
$$;
comment on function runcast.invite_user(uuid, uuid, text) is
  'done; member: is one already, or a suspended one; no_user, not_found, forbidden';

create function runcast.invite_email(p_tenant uuid, p_email text, p_role text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_refusal text := runcast.lock_tenant(p_tenant, array['admin']);
begin
  if v_refusal is not null then
    return v_refusal;
  -- Members' addresses are known to the admin. Of nobody else is it asked here whether there is an account.
  elsif exists (
    select from public.user_tenants ut join auth.users u on u.id = ut.user_id
    where ut.tenant_id = p_tenant and ut.status in ('active', 'suspended') and lower(u.email) = lower(p_email))
  then
    return 'member';
  end if;
  insert into runcast.invitations (tenant_id, email, role, invited_by)
  values (p_tenant, lower(p_email), p_role, auth.uid())
  on conflict (tenant_id, email) do update
  set role = excluded.role, invited_by = excluded.invited_by, created_at = now();
  return 'done';
end
$$;
comment on function runcast.invite_email(uuid, text, text) is
  'done; member: is one already, or a suspended one; not_found, forbidden. The same whether or not there is an account.';

create function runcast.revoke_invitation(p_tenant uuid, p_email text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_refusal text := runcast.lock_tenant(p_tenant, array['admin']);
begin
  if v_refusal is not null then
    return v_refusal;
  end if;
  delete from runcast.invitations where tenant_id = p_tenant and email = lower(p_email);
  return case when found then 'done' else 'no_invitation' end;
end
$$;
comment on function runcast.revoke_invitation(uuid, text) is 'done; no_invitation, not_found, forbidden';

-- What was asked of the caller, one row a tenant: the newer of the two kinds.
create function runcast.invitations_of_caller()
returns table (tenant_id uuid, tenant_name text, role text, invited_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select distinct on (i.tenant_id) i.tenant_id, t.name, i.role, i.created_at
  from (
    select inv.tenant_id, inv.role, inv.created_at from runcast.invitations inv
    where inv.email = (select runcast.email_of_caller())
      and not exists (
        select from public.user_tenants ut
        where ut.tenant_id = inv.tenant_id and ut.user_id = (select auth.uid()) and ut.status in ('active', 'suspended'))
    union all
    select ut.tenant_id, ut.role, ut.created_at from public.user_tenants ut
    where ut.user_id = (select auth.uid()) and ut.status = 'pending'
  ) i
  join public.tenants t on t.id = i.tenant_id
  order by i.tenant_id, i.created_at desc
$$;
comment on function runcast.invitations_of_caller() is 'What the caller may accept or decline, by address or by user id';

create function runcast.accept_invitation(p_tenant uuid) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_role text;
begin
  -- Whoever takes the invitation back at this moment is first, or finds it accepted.
  perform from public.user_tenants where tenant_id = p_tenant and user_id = auth.uid() for update;
  perform from runcast.invitations where tenant_id = p_tenant and email = runcast.email_of_caller() for update;
  select role into v_role from runcast.invitations_of_caller() where tenant_id = p_tenant;
  if not found then
    return 'not_found';
  end if;
  insert into public.user_tenants (tenant_id, user_id, role) values (p_tenant, auth.uid(), v_role)
  on conflict (tenant_id, user_id) do update set role = excluded.role, status = 'active'
  where user_tenants.status in ('pending', 'removed');
  delete from runcast.invitations where tenant_id = p_tenant and email = runcast.email_of_caller();
  return 'done';
end
$$;
comment on function runcast.accept_invitation(uuid) is 'done; not_found where nobody invited the caller to it';

create function runcast.decline_invitation(p_tenant uuid) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_found boolean;
begin
  delete from public.user_tenants where tenant_id = p_tenant and user_id = auth.uid() and status = 'pending';
  v_found := found;
  delete from runcast.invitations where tenant_id = p_tenant and email = runcast.email_of_caller();
  return case when v_found or found then 'done' else 'not_found' end;
end
$$;
comment on function runcast.decline_invitation(uuid) is 'done; not_found where nobody invited the caller to it';

create function runcast.change_member_role(p_tenant uuid, p_user uuid, p_role text, p_if_role text default null)
returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_refusal text := runcast.lock_tenant(p_tenant, array['admin']);
  v_member public.user_tenants;
begin
  if v_refusal is not null then
    return v_refusal;
  end if;
  select * into v_member from public.user_tenants
  where tenant_id = p_tenant and user_id = p_user and status <> 'removed' for update;
  if not found then
    return 'no_member';
  elsif v_member.role <> p_if_role then
    return 'changed';
  elsif v_member.role = 'admin' and v_member.status = 'active' and p_role <> 'admin'
    and not runcast.has_other_admin(p_tenant, p_user)
  then
    return 'last_admin';
  end if;
  update public.user_tenants set role = p_role where tenant_id = p_tenant and user_id = p_user;
  return 'done';
end
$$;
comment on function runcast.change_member_role(uuid, uuid, text, text) is
  'done; changed: has another role than p_if_role; no_member, last_admin, not_found, forbidden';

create function runcast.remove_member(p_tenant uuid, p_user uuid) returns text
language plpgsql security definer set search_path = '' as $$
declare
  -- Everybody may leave.
  v_refusal text := runcast.lock_tenant(p_tenant, case when p_user = auth.uid() then null else array['admin'] end);
  v_member public.user_tenants;
begin
  if v_refusal is not null then
    return v_refusal;
  end if;
  select * into v_member from public.user_tenants
  where tenant_id = p_tenant and user_id = p_user and status <> 'removed' for update;
  if not found then
    return 'no_member';
  elsif v_member.role = 'admin' and v_member.status = 'active' and not runcast.has_other_admin(p_tenant, p_user) then
    return 'last_admin';
  elsif v_member.status = 'pending' then
    delete from public.user_tenants where tenant_id = p_tenant and user_id = p_user;
  else
    update public.user_tenants set status = 'removed' where tenant_id = p_tenant and user_id = p_user;
  end if;
  return 'done';
end
$$;
comment on function runcast.remove_member(uuid, uuid) is 'done; no_member, last_admin, not_found, forbidden';

-- Members know each other's addresses, once they have joined: otherwise inviting a user id would tell whose it is.
create function runcast.member_emails(p_tenants uuid[], p_users uuid[])
returns table (tenant_id uuid, user_id uuid, email text)
language sql stable security definer set search_path = '' as $$
  select ut.tenant_id, ut.user_id, u.email::text
  from unnest(p_tenants, p_users) as asked (tenant_id, user_id)
  join public.user_tenants ut on ut.tenant_id = asked.tenant_id and ut.user_id = asked.user_id
  join auth.users u on u.id = ut.user_id
  where ut.status in ('active', 'suspended')
    and ((select auth.role()) = 'service_role' or ut.tenant_id = any ((select runcast.tenants_of_caller())::uuid[]))
$$;
comment on function runcast.member_emails(uuid[], uuid[]) is
  'The addresses of members, each named by a tenant and a user; of tenants that are not the caller''s, none';

revoke execute on function
  runcast.email_of_caller(), runcast.lock_tenant(uuid, text[]), runcast.has_other_admin(uuid, uuid),
  runcast.create_tenant(text, text, jsonb), runcast.invite_user(uuid, uuid, text),
  runcast.invite_email(uuid, text, text), runcast.revoke_invitation(uuid, text), runcast.invitations_of_caller(),
  runcast.accept_invitation(uuid), runcast.decline_invitation(uuid), runcast.change_member_role(uuid, uuid, text, text),
  runcast.remove_member(uuid, uuid), runcast.member_emails(uuid[], uuid[])
from public, anon, authenticated;
grant execute on function
  runcast.lock_tenant(uuid, text[]), runcast.create_tenant(text, text, jsonb), runcast.invite_user(uuid, uuid, text),
  runcast.invite_email(uuid, text, text), runcast.revoke_invitation(uuid, text), runcast.invitations_of_caller(),
  runcast.accept_invitation(uuid), runcast.decline_invitation(uuid), runcast.change_member_role(uuid, uuid, text, text),
  runcast.remove_member(uuid, uuid), runcast.member_emails(uuid[], uuid[])
to authenticated, service_role;
