-- What workflows and agents name as {{secrets.NAME}}: of a tenant, or of a user for the runs of theirs that are for no
-- tenant. They are written through the API and read by workers alone; without the key, which is in no database, a copy of
-- the table says nothing.

create table runcast.secrets (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid references public.tenants (id) on delete cascade,
  user_id uuid references auth.users (id) on delete cascade,
  name text not null check (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,99}$'),
  ciphertext text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  created_by uuid,
  updated_by uuid,
  check (num_nonnulls(tenant_id, user_id) = 1),
  unique (tenant_id, name),
  unique (user_id, name)
);
alter table runcast.secrets enable row level security;
-- As agents: viewers see that there is one, members set any and delete what they have made, admins delete any.
create policy secrets_select_by_role on runcast.secrets
  for select to authenticated
  using (
    user_id = (select auth.uid())
    or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member', 'viewer']))::uuid[]));
create policy secrets_insert_by_role on runcast.secrets
  for insert to authenticated
  with check (
    created_by = (select auth.uid()) and updated_by = (select auth.uid())
    and (user_id = (select auth.uid())
      or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[])));
create policy secrets_update_by_role on runcast.secrets
  for update to authenticated
  using (
    user_id = (select auth.uid())
    or tenant_id = any ((select runcast.tenants_of_caller(array['admin', 'member']))::uuid[]))
  with check (updated_by = (select auth.uid()));
create policy secrets_delete_by_role on runcast.secrets
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or tenant_id = any ((select runcast.tenants_of_caller(array['admin']))::uuid[])
    or (created_by = (select auth.uid())
      and tenant_id = any ((select runcast.tenants_of_caller(array['member']))::uuid[])));
-- Not the ciphertext, and no other owner or name for what is there.
grant select (id, tenant_id, user_id, name, created_at, updated_at, created_by, updated_by)
  on runcast.secrets to authenticated;
grant insert (tenant_id, user_id, name, ciphertext, created_by, updated_by) on runcast.secrets to authenticated;
grant update (ciphertext, updated_by) on runcast.secrets to authenticated;
grant delete on runcast.secrets to authenticated;
grant select, insert, update, delete on runcast.secrets to service_role;
create trigger runcast_updated_at before update on runcast.secrets
  for each row execute function public.update_updated_at_column();
comment on table runcast.secrets is 'Secrets of tenants and users, encrypted by the program with SECRETS_KEY';
comment on column runcast.secrets.tenant_id is 'Whose it is; null for a user''s own';
comment on column runcast.secrets.user_id is 'Whose own it is; null for a tenant''s';
comment on column runcast.secrets.ciphertext is
  'v1.<id of the key>.<nonce, tag and text by AES-256-GCM, base64url>; owner and name are authenticated with it';
comment on column runcast.secrets.created_by is 'The user who first set it; null for service_role';
comment on column runcast.secrets.updated_by is 'The user who last set it; null for service_role';
