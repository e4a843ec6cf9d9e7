import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { type BareDatabase, type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';

type Lint = {
  /** What must not be there, as a sentence. */
  fault: string;
  /** Selects a column `found` for each. */
  sql: string;
  /** Makes the fault, so that the lint is known to see it. */
  example: string;
};

const OURS = `n.nspname in ('public', 'runcast')`;

const lints: Lint[] = [
  {
    fault: 'a foreign key that no index leads with',
    sql: `
      select c.conrelid::regclass || ' ' || c.conname as found
      from pg_constraint c
      join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
      where c.contype = 'f' and ${OURS} and c.conparentid = 0 and not exists (
        select from pg_index i
        where i.indrelid = c.conrelid and i.indpred is null
          and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)`,
    example: `create table public.example (id int primary key, tenant uuid references tenants);
      alter table public.example enable row level security;
      create policy p on public.example for select to authenticated using (true)`,
  },
  {
    fault: 'a policy that calls a session function for every row',
    sql: `
      select p.polrelid::regclass || ' ' || p.polname as found
      from pg_policy p
      join pg_class t on t.oid = p.polrelid join pg_namespace n on n.oid = t.relnamespace,
      unnest(array[pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)]) as text (expression)
      where ${OURS}
        and regexp_replace(text.expression, 'select \\(?auth\\.(uid|role|jwt)\\(\\)', '', 'gi')
          ~* '(auth\\.(uid|role|jwt)|current_setting)\\('`,
    example: `create policy example on public.tenants for insert to authenticated with check (auth.uid() is not null)`,
  },
  {
    fault: 'a table without row-level security',
    sql: `
      select t.oid::regclass::text as found
      from pg_class t join pg_namespace n on n.oid = t.relnamespace
      where ${OURS} and t.relkind in ('r', 'p') and not t.relrowsecurity`,
    example: 'create table public.example (id int primary key)',
  },
  {
    // Partitions are reached through their parent, whose policies apply; asked for by name they show nothing.
    fault: 'a table with row-level security and no policy',
    sql: `
      select t.oid::regclass::text as found
      from pg_class t join pg_namespace n on n.oid = t.relnamespace
      where ${OURS} and t.relkind in ('r', 'p') and not t.relispartition and t.relrowsecurity
        and not exists (select from pg_policy p where p.polrelid = t.oid)`,
    example:
      'create table public.example (id int primary key); alter table public.example enable row level security',
  },
  {
    fault: 'a function whose search_path the caller chooses',
    sql: `
      select p.oid::regprocedure::text as found
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${OURS} and not exists (
        select from unnest(p.proconfig) setting where setting like 'search_path=%')`,
    example: `create function public.example() returns int language sql as 'select 1'`,
  },
  {
    fault: 'two indexes that are alike',
    sql: `
      select min(i.indexname) || ', ' || max(i.indexname) as found
      from pg_indexes i join pg_namespace n on n.nspname = i.schemaname
      where ${OURS}
      group by i.schemaname, i.tablename, replace(i.indexdef, i.indexname, '')
      having count(*) > 1`,
    example: 'create index example on public.agents (category)',
  },
  {
    fault: 'two permissive policies for the same role and command',
    sql: `
      select p.polrelid::regclass || ' ' || k.command || ' ' || role.oid::regrole as found
      from pg_policy p
      join pg_class t on t.oid = p.polrelid join pg_namespace n on n.oid = t.relnamespace
      join (values ('r', 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')) k (letter, command)
        on p.polcmd = k.letter::"char" or p.polcmd = '*',
      unnest(p.polroles) role (oid)
      where ${OURS} and p.polpermissive
      group by p.polrelid, k.command, role.oid
      having count(*) > 1`,
    example: 'create policy example on public.agents for all to authenticated using (false)',
  },
  {
    fault: 'a SECURITY DEFINER function that anybody may execute',
    sql: `
      select p.oid::regprocedure::text as found
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
        aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
      where ${OURS} and p.prosecdef and a.privilege_type = 'EXECUTE'
        and (a.grantee = 0 or a.grantee = 'anon'::regrole)`,
    example: `create function public.example() returns int language sql security definer set search_path = ''
      as 'select 1'`,
  },
  {
    fault: 'a function of runcast that anybody may execute',
    sql: `
      select p.oid::regprocedure::text as found
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
        aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
      where n.nspname = 'runcast' and (a.grantee = 0 or a.grantee = 'anon'::regrole)`,
    example: `create function runcast.example() returns int language sql set search_path = '' as 'select 1'`,
  },
  {
    fault: 'a policy for no role in particular',
    sql: `
      select p.polrelid::regclass || ' ' || p.polname as found
      from pg_policy p
      join pg_class t on t.oid = p.polrelid join pg_namespace n on n.oid = t.relnamespace
      where ${OURS} and 0 = any (p.polroles)`,
    example: 'create policy example on public.tenants for insert with check (false)',
  },
  {
    fault: 'a view that shows rows past row-level security',
    sql: `
      select t.oid::regclass::text as found
      from pg_class t join pg_namespace n on n.oid = t.relnamespace
      where ${OURS} and t.relkind = 'v' and not coalesce('security_invoker=true' = any (t.reloptions), false)`,
    example: 'create view public.example as select * from public.tenants',
  },
];

describe.each([
  ['a plain Postgres', async () => plainPlatform()],
  ['Supabase', () => supabasePlatform()],
] as const)('the migrated schema on %s', (_name, start) => {
  let platform: Platform;
  let database: BareDatabase;
  beforeAll(async () => {
    platform = await start();
    database = await platform.bareDatabase();
    await applyMigrations({ ...database, log: () => {} });
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await platform.stop();
  });

  it.each(lints)('is free of $fault, and the check would see one', async ({ sql, example }) => {
    await withConnection(database.adminUrl, 'test', async (client) => {
      expect((await client.query(sql)).rows).toEqual([]);
      await client.query('begin');
      await client.query(example);
      expect((await client.query(sql)).rows).not.toEqual([]);
      await client.query('rollback');
    });
  });
});
