-- Drops only what the base migration made, known by the comment it left: on Supabase, and on a platform that had
-- these tables before, everything stays. The roles stay too: they belong to the cluster.
do $$
declare
  made record;
begin
  for made in
    select c.oid::regclass as name
    from (values
      ('public.training_config_datasets', 'Which datasets a training config is trained on.', 1),
      ('public.training_datasets', 'JSONL files that training configs are trained on.', 2),
      ('public.training_configs', 'What a training run trains: model, method, hyperparameters.', 3)
    ) as ours (name, comment, position)
    join pg_catalog.pg_class c on c.oid = to_regclass(ours.name)
    where obj_description(c.oid, 'pg_class') = ours.comment
    order by ours.position
  loop
    execute format('drop table %s', made.name);
  end loop;

  -- The policy of tenants reads user_tenants, and user_tenants points to tenants: one statement for both.
  if obj_description(to_regclass('public.user_tenants'), 'pg_class')
      = 'Who belongs to which tenant. Only active rows grant anything.'
    and obj_description(to_regclass('public.tenants'), 'pg_class') = 'Workspaces that people share.'
  then
    drop policy if exists tenants_select_members on public.tenants;
    drop table public.user_tenants, public.tenants;
  end if;

  if obj_description(to_regnamespace('auth'), 'pg_namespace')
      = 'Accounts and the identity of the caller, as Supabase has them.'
  then
    drop table auth.users;
    drop function auth.uid(), auth.role(), auth.jwt();
    drop schema auth;
  end if;
end
$$;
