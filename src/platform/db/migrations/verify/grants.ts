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
  const truncating = tableFacts.flatMap(({ name }) =>
    ['anon', 'authenticated'].map((role) => [role, name, 'truncate']),
  );
  // Of a subscription users change one column, which is no grant on the table.
  const writing = tableFacts.flatMap(({ name, policies }) =>
    ['insert', 'update', 'delete']
      .filter((command) => !policies.includes(command) || `${command} ${name}` === 'update subscriptions')
      .map((command) => ['authenticated', name, command]),
  );
  const held = await readPrivileges(client, [...wanted, ...truncating, ...writing]);
  const lacking = wanted.filter((grant) => !held.some(isGrant(grant)));
  const surplus = (grants: string[][]) =>
    grants.filter((grant) => held.some((one) => one.isWhole && isGrant(grant)(one)));
  return [
    {
      ok: lacking.length === 0,
      what: 'grants on tables',
      detail: said(lacking) || `${wanted.length}`,
    },
    noneOf('nobody may truncate past row-level security', surplus(truncating)),
    noneOf('users write nothing beyond the policies', surplus(writing)),
  ];
}

function noneOf(what: string, grants: string[][]): Check {
  return { ok: grants.length === 0, what, ...(grants.length > 0 && { detail: said(grants) }) };
}

function said(grants: string[][]): string {
  return grants.map(([role, table, command]) => `${role}: ${command} ${table}`).join('; ');
}

/** What a role may do to a table; not whole where it may to some columns alone. */
type Privilege = { grant: string[]; isWhole: boolean };

const isGrant = (wanted: string[]) => (one: Privilege) => one.grant.join() === wanted.join();

/** Those of the [role, table, privilege] that are granted. A table that is missing has no grants. */
async function readPrivileges(client: Client, grants: string[][]): Promise<Privilege[]> {
  const [roles, tables, commands] = [0, 1, 2].map((part) => grants.map((grant) => grant[part]));
  const { rows } = await client.query<Privilege>(
    `select array[w.role, w.name, w.command] as grant,
       has_table_privilege(to_regrole(w.role)::oid, c.oid, w.command) as "isWhole"
     from unnest($1::text[], $2::text[], $3::text[]) as w (role, name, command)
     join pg_class c on c.relname = w.name and c.relnamespace = 'public'::regnamespace
     where has_table_privilege(to_regrole(w.role)::oid, c.oid, w.command)
       or (w.command = 'update' and has_any_column_privilege(to_regrole(w.role)::oid, c.oid, w.command))`,
    [roles, tables, commands],
  );
  return rows;
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
