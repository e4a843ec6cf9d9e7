import type { Client } from 'pg';
import { tableFacts } from '../facts.ts';
import type { Check } from './check.ts';

/** Who may do what at all, before row-level security decides about rows. */
export async function checkGrants(client: Client): Promise<Check[]> {
  return [
    ...(await checkTableGrants(client)),
    await none(client, 'no function of runcast is for everybody', OPEN_FUNCTIONS),
    await none(client, 'runcast is closed to anon', OPEN_SCHEMA),
    await none(client, 'the roles of Runcast exist and bypass nothing', UNFIT_ROLES),
  ];
}

async function checkTableGrants(client: Client): Promise<Check[]> {
  const wanted = tableFacts.flatMap(({ name, policies }) => [
    ...policies.split(', ').map((command) => ['authenticated', name, command]),
    ...['select', 'insert', 'update', 'delete'].map((command) => ['service_role', name, command]),
  ]);
  const unwanted = tableFacts.flatMap(({ name }) =>
    ['anon', 'authenticated'].map((role) => [role, name, 'truncate']),
  );
  const lacking = await filterByPrivilege(client, wanted, false);
  const surplus = await filterByPrivilege(client, unwanted, true);
  const say = (grants: string[][]) => grants.map(([role, table, command]) => `${role}: ${command} ${table}`);
  return [
    {
      ok: lacking.length === 0,
      what: 'grants on tables',
      detail: say(lacking).join('; ') || `${wanted.length}`,
    },
    {
      ok: surplus.length === 0,
      what: 'nobody may truncate past row-level security',
      ...(surplus.length > 0 && { detail: say(surplus).join('; ') }),
    },
  ];
}

/**
 * Those [role, table, privilege] that the role has, or that it lacks; an update of one column is an update. A table that
 * is missing has no grants.
 */
async function filterByPrivilege(client: Client, grants: string[][], has: boolean): Promise<string[][]> {
  const [roles, tables, commands] = [0, 1, 2].map((part) => grants.map((grant) => grant[part]));
  const { rows } = await client.query<{ grant: string[] }>(
    `select array[w.role, w.name, w.command] as grant
     from unnest($1::text[], $2::text[], $3::text[]) as w (role, name, command)
     left join pg_class c on c.relname = w.name and c.relnamespace = 'public'::regnamespace
     where coalesce(
       has_table_privilege(to_regrole(w.role)::oid, c.oid, w.command)
         or (w.command = 'update' and has_any_column_privilege(to_regrole(w.role)::oid, c.oid, w.command)),
       false) = $4`,
    [roles, tables, commands, has],
  );
  return rows.map((row) => row.grant);
}

async function none(client: Client, what: string, sql: string): Promise<Check> {
  const { rows } = await client.query<{ found: string }>(sql);
  return rows.length === 0
    ? { ok: true, what }
    : { ok: false, what, detail: rows.map((row) => row.found).join('; ') };
}

/** proacl is null where nothing was ever granted or revoked: then public may execute. */
const OPEN_FUNCTIONS = `
  select p.oid::regprocedure || ' for ' || case a.grantee when 0 then 'public' else a.grantee::regrole::text end as found
  from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  where p.pronamespace = to_regnamespace('runcast') and a.privilege_type = 'EXECUTE'
    and (a.grantee = 0 or a.grantee = to_regrole('anon'))`;

const OPEN_SCHEMA = `
  select 'anon may ' || privilege || ' in runcast' as found
  from unnest(array['usage', 'create']) privilege
  where has_schema_privilege(to_regrole('anon')::oid, to_regnamespace('runcast')::oid, privilege)`;

const UNFIT_ROLES = `
  select w.name || case when r.oid is null then ' is missing' else ' is superuser, inherits or bypasses' end as found
  from unnest(array['runcast_api', 'runcast_worker']) as w (name)
  left join pg_roles r on r.rolname = w.name
  where r.oid is null or r.rolsuper or r.rolinherit or r.rolbypassrls`;
