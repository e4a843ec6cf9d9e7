import type { Client } from 'pg';

/**
 * The statements that a server ran in the admin's database while some work was done, as the server counts them: one
 * entry a call, in no order. What sets the role and the claims, what the admin itself asks, and what the listener asks now and
 * then, is left out.
 */
export async function statementsOf(admin: Client, work: () => Promise<unknown>): Promise<string[]> {
  await admin.query('create extension if not exists pg_stat_statements with schema public');
  await admin.query(RESET);
  await work();
  const { rows } = await admin.query<{ query: string; calls: number }>(COUNTED);
  return rows.flatMap(({ query, calls }) => Array.from({ length: calls }, () => query));
}

const RESET = `select public.pg_stat_statements_reset(0, oid, 0) from pg_database where datname = current_database()`;

const COUNTED = `
  select s.query, s.calls::int from public.pg_stat_statements s
  join pg_database d on d.oid = s.dbid
  join pg_roles r on r.oid = s.userid
  where d.datname = current_database() and r.rolname <> current_user
    and s.query !~* '^\\s*(select (pg_catalog\\.)?set_config|begin|commit|listen|select extract\\(epoch from clock_timestamp)'`;

/** The table that each statement reads first, without its schema, in alphabetical order. */
export function tablesOf(statements: readonly string[]): string[] {
  return statements.map(tableOf).sort();
}

function tableOf(statement: string): string {
  const tables = statement.matchAll(/\bfrom\s+(?:"?\w+"?\.)?"?(\w+)"?/g);
  return [...tables].map(([, table = '']) => table).find((table) => table !== 'unnest') ?? statement;
}
