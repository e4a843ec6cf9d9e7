import type { Client } from 'pg';
import { type ColumnFacts, normalDefault, parseColumn } from '../column-facts.ts';
import type { TableFacts } from '../facts.ts';
import type { Check } from './check.ts';

type CatalogueTable = {
  columns: Record<string, { type: string; nullable: boolean; default: string | null }>;
  secured: boolean;
  policies: string[];
  indexes: string[];
  keys: string[];
  references: Record<string, { table: string; onDelete: string }>;
  triggers: string[];
};

/** Guide 2's checklist for one table: a line an item. */
export async function checkTable(client: Client, facts: TableFacts): Promise<Check[]> {
  const name = `public.${facts.name}`;
  const table = await readTable(client, name);
  if (!table) return [{ ok: false, what: `table ${name}`, detail: 'missing' }];
  const columns = facts.columns.map(parseColumn);
  const line = (what: string, faults: string[], count: number): Check => ({
    ok: faults.length === 0,
    what: `${what} of ${name}`,
    detail: faults.length === 0 ? `${count}` : faults.join('; '),
  });
  const indexes = (facts.indexes ?? []).map((text) => `idx_${facts.name}_${text.split(' as ').at(-1)}`);
  const policies = facts.policies.split(', ');
  const references = columns.filter((column) => column.references);
  return [
    { ok: true, what: `table ${name}` },
    line(
      'columns',
      columns.flatMap((column) => columnFaults(column, table)),
      columns.length,
    ),
    { ok: table.secured, what: `row-level security of ${name}`, detail: table.secured ? 'on' : 'off' },
    line('policies', absent(policies, table.policies, 'no policy for'), policies.length),
    line('indexes', absent(indexes, table.indexes, 'no index'), indexes.length),
    line(
      'unique keys',
      absent(facts.unique ?? [], table.keys, 'no unique key on'),
      facts.unique?.length ?? 0,
    ),
    line(
      'foreign keys',
      references.flatMap((column) => referenceFaults(column, table)),
      references.length,
    ),
    ...(facts.trigger
      ? [line('trigger', absent([facts.trigger], table.triggers, 'no enabled trigger'), 1)]
      : []),
  ];
}

function absent(expected: string[], found: string[], words: string): string[] {
  return expected.filter((name) => !found.includes(name)).map((name) => `${words} ${name}`);
}

function columnFaults(column: ColumnFacts, table: CatalogueTable): string[] {
  const found = table.columns[column.name];
  if (!found) return [`no column ${column.name}`];
  const faults: string[] = [];
  if (found.type !== column.type) faults.push(`${column.name} is ${found.type}, not ${column.type}`);
  if (found.nullable !== column.nullable) {
    faults.push(`${column.name} is ${found.nullable ? 'nullable' : 'not null'}`);
  }
  if (column.default && normalDefault(found.default ?? '') !== column.default) {
    faults.push(`${column.name} defaults to ${found.default ?? 'nothing'}, not ${column.default}`);
  }
  return faults;
}

function referenceFaults(column: ColumnFacts, table: CatalogueTable): string[] {
  const expected = column.references;
  const found = table.references[column.name];
  if (!expected) return [];
  if (!found) return [`${column.name} points nowhere, not to ${expected.table}`];
  if (found.table === expected.table && found.onDelete === expected.onDelete) return [];
  return [
    `${column.name} points to ${found.table} on delete ${found.onDelete}, not to ${expected.table} on delete ${expected.onDelete}`,
  ];
}

async function readTable(client: Client, name: string): Promise<CatalogueTable | undefined> {
  const { rows } = await client.query<CatalogueTable>(TABLE, [name]);
  return rows[0];
}

const TABLE = `
  select
    c.relrowsecurity as secured,
    (select coalesce(jsonb_object_agg(a.attname, jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'nullable', not a.attnotnull,
        'default', pg_get_expr(d.adbin, d.adrelid))), '{}')
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select coalesce(array_agg(distinct k.command), '{}')
      from pg_policy p
      join (values ('r', 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')) k (letter, command)
        on p.polcmd = k.letter::"char" or p.polcmd = '*'
      where p.polrelid = c.oid and p.polpermissive) as policies,
    (select coalesce(array_agg(i.relname::text), '{}')
      from pg_index x join pg_class i on i.oid = x.indexrelid
      where x.indrelid = c.oid and x.indisvalid) as indexes,
    (select coalesce(array_agg(
        (select string_agg(a.attname, ', ' order by k.position)
          from unnest(x.indkey) with ordinality k (attnum, position)
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum)), '{}')
      from pg_index x
      where x.indrelid = c.oid and x.indisunique and x.indpred is null) as keys,
    (select coalesce(jsonb_object_agg(a.attname, jsonb_build_object(
        'table', n.nspname || '.' || t.relname,
        'onDelete', case f.confdeltype when 'c' then 'cascade' when 'n' then 'set null'
          when 'a' then 'no action' else f.confdeltype::text end)), '{}')
      from pg_constraint f
      join pg_attribute a on a.attrelid = c.oid and a.attnum = f.conkey[1]
      join pg_class t on t.oid = f.confrelid
      join pg_namespace n on n.oid = t.relnamespace
      where f.conrelid = c.oid and f.contype = 'f') as references,
    (select coalesce(array_agg(g.tgname::text), '{}')
      from pg_trigger g
      where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled in ('O', 'A')) as triggers
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname || '.' || c.relname = $1 and c.relkind in ('r', 'p')
`;
