-- What the platform had before the migrations of the guides: the roles and the schema `auth` that Supabase
-- brings, tenants and their members, training configs and datasets. Everything here is created only where it is
-- missing; what exists already, on a Supabase project say, stays exactly as it is.

-- Roles belong to the cluster, so another database's migrator may make them at the same moment: one block each, or
-- losing the race for the first would undo the others.
do $$
begin
  if to_regrole('anon') is null then
    create role anon nologin noinherit;
  end if;
exception when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
  if to_regrole('authenticated') is null then
    create role authenticated nologin noinherit;
  end if;
exception when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
  if to_regrole('service_role') is null then
    create role service_role nologin noinherit bypassrls;
  end if;
exception when duplicate_object or unique_violation then null;
end
$$;

-- What exists is looked up in the catalogue: to_regclass and its kin raise an error where the schema belongs to
-- somebody else and may not be entered.
do $$
declare
  role_name text;
begin
  if not exists (select from pg_catalog.pg_namespace where nspname = 'auth') then
    create schema auth;
    comment on schema auth is 'Accounts and the identity of the caller, as Supabase has them.';
    grant usage on schema auth to anon, authenticated, service_role;
  end if;

  if not exists (
    select from pg_catalog.pg_tables where schemaname = 'auth' and tablename = 'users'
  ) then
    create table auth.users (
      id uuid primary key default gen_random_uuid(),
      email text unique,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    alter table auth.users enable row level security;
    create policy users_select_own on auth.users
      for select to authenticated
      using (id = (select nullif(coalesce(
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub',
        current_setting('request.jwt.claim.sub', true)), '')::uuid));
    comment on table auth.users is 'Accounts. On Supabase this table belongs to its auth service.';
  end if;

  if not exists (
    select from pg_catalog.pg_proc where pronamespace = 'auth'::regnamespace and proname = 'uid'
  ) then
    create function auth.uid() returns uuid language sql stable set search_path = '' as $fn$
      select nullif(coalesce(
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub',
        current_setting('request.jwt.claim.sub', true)), '')::uuid
    $fn$;
    comment on function auth.uid() is 'The caller: the claim sub; null where nobody is signed in.';
  end if;

  if not exists (
    select from pg_catalog.pg_proc where pronamespace = 'auth'::regnamespace and proname = 'role'
  ) then
    create function auth.role() returns text language sql stable set search_path = '' as $fn$
      select nullif(coalesce(
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role',
        current_setting('request.jwt.claim.role', true)), '')
    $fn$;
    comment on function auth.role() is 'The claim role: anon, authenticated or service_role.';
  end if;

  if not exists (
    select from pg_catalog.pg_proc where pronamespace = 'auth'::regnamespace and proname = 'jwt'
  ) then
    create function auth.jwt() returns jsonb language sql stable set search_path = '' as $fn$
      select coalesce(
        nullif(current_setting('request.jwt.claims', true), '')::jsonb,
        jsonb_strip_nulls(jsonb_build_object(
          'sub', nullif(current_setting('request.jwt.claim.sub', true), ''),
          'role', nullif(current_setting('request.jwt.claim.role', true), ''))))
    $fn$;
    comment on function auth.jwt() is 'All claims of the caller; an empty object where there are none.';
  end if;

  foreach role_name in array array['anon', 'authenticated', 'service_role'] loop
    if not has_schema_privilege(role_name, 'public', 'usage') then
      execute format('grant usage on schema public to %I', role_name);
    end if;
  end loop;
end
$$;

do $$
declare
  makes_tenants constant boolean := to_regclass('public.tenants') is null;
begin
  if makes_tenants then
    create table public.tenants (
      id uuid primary key default gen_random_uuid(),
      name text not null,
      subdomain text not null unique,
      status text not null default 'active',
      settings jsonb not null default '{}',
      limits jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    alter table public.tenants enable row level security;
    comment on table public.tenants is 'Workspaces that people share.';
    comment on column public.tenants.status is 'active, suspended, cancelled or trial';
  end if;

  if to_regclass('public.user_tenants') is null then
    create table public.user_tenants (
      tenant_id uuid not null references public.tenants (id) on delete cascade,
      user_id uuid not null references auth.users (id) on delete cascade,
      role text not null default 'member',
      status text not null default 'active',
      created_at timestamptz not null default now(),
      unique (tenant_id, user_id)
    );
    alter table public.user_tenants enable row level security;
    create policy user_tenants_select_own on public.user_tenants
      for select to authenticated
      using (user_id = (select auth.uid()));
    comment on table public.user_tenants is 'Who belongs to which tenant. Only active rows grant anything.';
    comment on column public.user_tenants.role is 'admin, member, viewer or billing';
    comment on column public.user_tenants.status is 'active, pending, suspended or removed';
  end if;

  if makes_tenants then
    create policy tenants_select_members on public.tenants
      for select to authenticated
      using (id in (
        select ut.tenant_id from public.user_tenants ut
        where ut.user_id = (select auth.uid()) and ut.status = 'active'));
  end if;

  if to_regclass('public.training_configs') is null then
    create table public.training_configs (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null references auth.users (id),
      name text not null,
      public_id text not null unique,
      is_public boolean not null default false,
      config_json jsonb not null default '{}',
      gist_urls jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    alter table public.training_configs enable row level security;
    create policy training_configs_select_own_or_public on public.training_configs
      for select to anon, authenticated
      using (is_public or user_id = (select auth.uid()));
    create policy training_configs_insert_own on public.training_configs
      for insert to authenticated
      with check (user_id = (select auth.uid()));
    create policy training_configs_update_own on public.training_configs
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()));
    create policy training_configs_delete_own on public.training_configs
      for delete to authenticated
      using (user_id = (select auth.uid()));
    comment on table public.training_configs is 'What a training run trains: model, method, hyperparameters.';
    comment on column public.training_configs.public_id is 'The name under which a run is started.';
    comment on column public.training_configs.gist_urls is 'Colab notebook by method, e.g. {"sft": "https://…"}';
  end if;

  if to_regclass('public.training_datasets') is null then
    create table public.training_datasets (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null references auth.users (id),
      name text not null,
      storage_path text not null,
      format text not null,
      created_at timestamptz not null default now()
    );
    alter table public.training_datasets enable row level security;
    create policy training_datasets_select_own on public.training_datasets
      for select to authenticated
      using (user_id = (select auth.uid()));
    create policy training_datasets_insert_own on public.training_datasets
      for insert to authenticated
      with check (user_id = (select auth.uid()));
    create policy training_datasets_update_own on public.training_datasets
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()));
    create policy training_datasets_delete_own on public.training_datasets
      for delete to authenticated
      using (user_id = (select auth.uid()));
    comment on table public.training_datasets is 'JSONL files that training configs are trained on.';
    comment on column public.training_datasets.storage_path is 'A path below the data folder, or an http(s) URL.';
    comment on column public.training_datasets.format is 'chatml, sharegpt or prompt_completion';
  end if;

  if to_regclass('public.training_config_datasets') is null then
    create table public.training_config_datasets (
      config_id uuid not null references public.training_configs (id) on delete cascade,
      dataset_id uuid not null references public.training_datasets (id) on delete cascade,
      primary key (config_id, dataset_id)
    );
    alter table public.training_config_datasets enable row level security;
    create policy training_config_datasets_select_own on public.training_config_datasets
      for select to authenticated
      using (exists (
        select from public.training_configs c
        where c.id = config_id and c.user_id = (select auth.uid())));
    create policy training_config_datasets_insert_own on public.training_config_datasets
      for insert to authenticated
      with check (
        exists (
          select from public.training_configs c
          where c.id = config_id and c.user_id = (select auth.uid()))
        and exists (
          select from public.training_datasets d
          where d.id = dataset_id and d.user_id = (select auth.uid())));
    create policy training_config_datasets_delete_own on public.training_config_datasets
      for delete to authenticated
      using (exists (
        select from public.training_configs c
        where c.id = config_id and c.user_id = (select auth.uid())));
    comment on table public.training_config_datasets is 'Which datasets a training config is trained on.';
  end if;
end
$$;
