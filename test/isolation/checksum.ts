import type { Client } from 'pg';
import type { Person } from './case.ts';

/**
 * The rows of the product's tables that are the person's or nobody else's: whoever is in `others` may change rows of
 * his own meanwhile. A row that names the person counts whoever else it names: it may have been put into his tenant.
 */
export async function createChecksum(admin: Client, person: Person, others: readonly Person[]) {
  const { rows } = await admin.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'runcast') and c.relkind in ('r', 'p') and not c.relispartition
     order by 1`,
  );
  const tables = rows.map(({ name }) => name);
  const statement = tables
    .map((name) => `select '${name}' as "table", ${textOf(name)} as line from ${name} t`)
    .join(' union all ');
  return async (): Promise<Record<string, string>> => {
    const { rows: sums } = await admin.query<{ table: string; sum: string }>(
      `select "table", count(*) || ' rows, ' || md5(string_agg(line, e'\\n' order by line collate "C")) as sum
       from (${statement}) of_all where line like any ($1) or not line like any ($2) group by 1 order by 1`,
      [containing([person]), containing(others)],
    );
    return Object.fromEntries(sums.map(({ table, sum }) => [table, sum]));
  };
}

/** A row as text; of tables that do not say whose their rows are, with the row that does. */
function textOf(table: string): string {
  const own = 'to_jsonb(t)::text';
  switch (table) {
    case 'runcast.execution_events':
      return `${own} || coalesce((select to_jsonb(s)::text from runcast.execution_streams s
        where s.kind = t.kind and s.execution_id = t.execution_id), '')`;
    case 'public.tenants':
      return `${own} || coalesce((select string_agg(m.user_id::text, ' ' order by m.user_id)
        from public.user_tenants m where m.tenant_id = t.id and m.status = 'active'), '')`;
    case 'public.training_config_datasets':
      return `${own} || coalesce((select to_jsonb(c)::text from public.training_configs c where c.id = t.config_id), '')`;
    default:
      return own;
  }
}

/** Patterns for rows that name one of these people or their tenants; LIKE is several times as fast here as a regular expression. */
function containing(people: readonly Person[]): string[] {
  return people.flatMap(({ id, tenantId }) => [`%${id}%`, `%${tenantId}%`]);
}
