import type { Client } from 'pg';
import { listItems, withoutComments } from './statements.ts';

/**
 * One database object in words, e.g. `table public.agents`, `column public.agents.name`, `index public.idx_…`,
 * `policy agents_select on public.agents`, `select policy on public.agents`, `trigger … on …`, `function runcast.…`.
 * The same words come from the text of a file and from the catalogue, so sets of them can be compared.
 */
export type ObjectName = string;

export type MadeObjects = {
  objects: ObjectName[];
  /** The tables among them, as `schema.name`. */
  tables: string[];
};

const CONSTRAINT = /^(constraint|primary|unique|check|foreign|exclude|like)\b/i;
const NAME = '((?:[\\w]+\\.)?\\w+)';

/**
 * What the statements make. Read as evidence that a file was applied (`plain`), only what a plain `create` makes
 * counts: `if not exists` and `or replace` also succeed where somebody else made the object.
 */
export function madeBy(statements: string[], which: 'plain' | 'all'): MadeObjects {
  const objects = new Set<ObjectName>();
  const tables: string[] = [];
  for (const statement of statements) {
    const text = withoutComments(statement);
    const plain = text.replace(/ if not exists /i, ' ').replace(/^create or replace /i, 'create ');
    if (which === 'plain' && plain !== text) continue;
    const table = new RegExp(`^create (?:unlogged )?table ${NAME} ?\\(`, 'i').exec(plain)?.[1];
    if (table) tables.push(qualified(table));
    for (const object of table ? tableObjects(qualified(table), plain) : otherObjects(plain))
      objects.add(object);
  }
  return { objects: [...objects], tables };
}

function tableObjects(table: string, statement: string): ObjectName[] {
  const columns = listItems(statement).filter((item) => !CONSTRAINT.test(item));
  return [
    `table ${table}`,
    ...columns.map((item) => `column ${table}.${(item.split(/\s/)[0] ?? '').replaceAll('"', '')}`),
  ];
}

function otherObjects(statement: string): ObjectName[] {
  const match = (pattern: string) => new RegExp(`^create ${pattern}`, 'i').exec(statement);
  const policy = match(`policy (\\w+) on ${NAME}(?: as (\\w+))?(?: for (\\w+))?`);
  if (policy) return [policyObject(policy)];
  const trigger = match(`(?:constraint )?trigger (\\w+) .*? on ${NAME}`);
  if (trigger) return [`trigger ${trigger[1]} on ${qualified(trigger[2])}`];
  const index = match(`(?:unique )?index (?:concurrently )?(\\w+) on (?:only )?${NAME}`);
  if (index) return [`index ${qualified(index[2]).split('.')[0]}.${index[1]}`];
  const made = match(`(function|schema|view|type|sequence) ${NAME}`);
  if (!made) return [];
  const kind = (made[1] ?? '').toLowerCase();
  return [kind === 'schema' ? `schema ${made[2]}` : `${kind} ${qualified(made[2])}`];
}

/** A permissive policy is known by what it is for: the platform's own files give theirs other names than ours. */
function policyObject(match: RegExpExecArray): ObjectName {
  const [, name, table, mode, command] = match;
  const isRestrictive = mode?.toLowerCase() === 'restrictive';
  return isRestrictive || !command
    ? `policy ${name} on ${qualified(table)}`
    : `${command.toLowerCase()} policy on ${qualified(table)}`;
}

function qualified(name = ''): string {
  return (name.includes('.') ? name : `public.${name}`).toLowerCase();
}

const LONGEST_LIST = 12;

/** Names of objects for a sentence; the columns of a table that is named as well are left out. */
export function inWords(objects: ObjectName[]): string {
  const tables = new Set(
    objects.filter((object) => object.startsWith('table ')).map((object) => object.slice(6)),
  );
  const said = objects.filter((object) => {
    const column = /^column (.+)\.\w+$/.exec(object);
    return !column?.[1] || !tables.has(column[1]);
  });
  const shown = said.slice(0, LONGEST_LIST).join(', ');
  return said.length > LONGEST_LIST ? `${shown} and ${said.length - LONGEST_LIST} more` : shown;
}

/** Everything there is in the database's own schemas, in the same words. */
export async function readObjects(client: Client): Promise<Set<ObjectName>> {
  const { rows } = await client.query<{ object: string }>(CATALOGUE);
  return new Set(rows.map((row) => row.object));
}

const CATALOGUE = `
  with spaces as (
    select oid, nspname from pg_namespace
    where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and nspname not like 'pg_temp%'
  ), relations as (
    select c.oid, c.relkind, s.nspname || '.' || c.relname as name
    from pg_class c join spaces s on s.oid = c.relnamespace
  ), commands (letter, command) as (
    values ('r', 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')
  )
  select 'schema ' || nspname as object from spaces
  union all
  select case relkind when 'v' then 'view ' when 'S' then 'sequence ' when 'i' then 'index ' when 'I' then 'index '
    else 'table ' end || name
  from relations
  union all
  select 'column ' || r.name || '.' || a.attname
  from relations r join pg_attribute a on a.attrelid = r.oid
  where r.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
  union all
  select 'policy ' || p.polname || ' on ' || r.name
  from pg_policy p join relations r on r.oid = p.polrelid
  union all
  select c.command || ' policy on ' || r.name
  from pg_policy p join relations r on r.oid = p.polrelid
  join commands c on p.polcmd = c.letter::"char" or p.polcmd = '*'
  where p.polpermissive
  union all
  select 'trigger ' || t.tgname || ' on ' || r.name
  from pg_trigger t join relations r on r.oid = t.tgrelid
  where not t.tgisinternal
  union all
  select 'function ' || s.nspname || '.' || p.proname
  from pg_proc p join spaces s on s.oid = p.pronamespace
  union all
  select 'type ' || s.nspname || '.' || t.typname
  from pg_type t join spaces s on s.oid = t.typnamespace
`;
