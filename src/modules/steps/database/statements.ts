import type { StepCall } from '../step.ts';
import { CASTS, type Table } from './columns.ts';
import { type Bind, conditionsOf, kindOf, quoted } from './conditions.ts';
import type { Request, Row } from './request.ts';

/** SQL made of identifiers of the list of tables and of parameters; nothing that a step says is in its text. */
export type Statement = { text: string; values: unknown[] };

type Owner = StepCall['owner'];

/** What may be returned; a step's output is kept with its run. */
export const MAX_BYTES = 1_000_000;

function build(make: (bind: Bind) => string): Statement {
  const values: unknown[] = [];
  const text = make((value) => `$${values.push(value)}`);
  return { text, values };
}

export function selectStatement(request: Request, owner: Owner): Statement {
  return build((bind) => {
    const { table, columns, order, limit } = request;
    const terms = [
      ...order.map(({ column, direction }) => `${quoted(column)} ${direction}`),
      ...(order.some(({ column }) => column === 'id') ? [] : ['"id" asc']),
    ].join(', ');
    const where = whereOf(request, owner, bind);
    return asJson(
      table,
      columns,
      `select *, row_number() over (order by ${terms}) as "row number" from ${table.name}
       where ${where} order by ${terms} limit ${bind(limit)}`,
    );
  });
}

/** @param options.limit looks no further than that many rows; default: counts all. `except`: ids of rows to pass over */
export function countStatement(
  request: Request,
  owner: Owner,
  { limit, except = [] }: { limit?: number; except?: readonly string[] } = {},
): Statement {
  return build((bind) => {
    const others = except.length > 0 ? ` and "id" <> all(${bind(except)}::uuid[])` : '';
    const rows = `select 1 from ${request.table.name} where ${whereOf(request, owner, bind)}${others}`;
    return `select count(*)::float8 as count from (${rows}${limit === undefined ? '' : ` limit ${bind(limit)}`}) as matching`;
  });
}

/** Rows have their ids from the step's key, so that a second try finds them there. */
export function insertStatement(
  table: Table,
  rows: readonly Row[],
  owner: Owner,
  ids: readonly string[],
): Statement {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const own = ['id', 'user_id', ...(table.isOfTenant ? ['tenant_id'] : [])];
  return build((bind) => {
    const tuples = rows.map((row, at) => {
      const values = [
        `${bind(ids[at])}::uuid`,
        `${bind(owner.userId)}::uuid`,
        ...(table.isOfTenant ? [`${bind(owner.tenantId)}::uuid`] : []),
        ...columns.map((column) =>
          row[column] === undefined ? 'default' : value(table, column, row[column], bind),
        ),
      ];
      return `(${values.join(', ')})`;
    });
    return `insert into ${table.name} (${[...own, ...columns].map(quoted).join(', ')})
            values ${tuples.join(', ')} on conflict (id) do nothing`;
  });
}

export function updateStatement(request: Request, values: Row, owner: Owner): Statement {
  const { table, columns } = request;
  return build((bind) => {
    const sets = [
      ...Object.entries(values).map(
        ([column, to]) => `${quoted(column)} = ${value(table, column, to, bind)}`,
      ),
      ...(table.touches ? [`${quoted(table.touches)} = now()`] : []),
    ].join(', ');
    const where = whereOf(request, owner, bind);
    return changing(table, columns, `update ${table.name} set ${sets} where ${where}`);
  });
}

export function deleteStatement(request: Request, owner: Owner): Statement {
  const { table, columns } = request;
  return build((bind) =>
    changing(table, columns, `delete from ${table.name} where ${whereOf(request, owner, bind)}`),
  );
}

/** As `asJson`, with the ids of the rows that were changed. */
function changing(table: Table, columns: readonly string[], change: string): string {
  const rows = 'select *, row_number() over (order by "id") as "row number" from changed';
  return `with changed as (${change} returning *)
    select page.*, (select coalesce(array_agg("id"::text), '{}') from changed) as ids
    from (${asJson(table, columns, rows)}) as page`;
}

/** Within a tenant's run the tenant's rows alone: others may have written the workflow, who see only those. */
function whereOf(
  { where, table }: Pick<Request, 'where' | 'table'>,
  { tenantId }: Owner,
  bind: Bind,
): string {
  const conditions = conditionsOf(where, table.columns, bind);
  if (table.isOfTenant && tenantId !== null) conditions.push(`"tenant_id" = ${bind(tenantId)}::uuid`);
  return conditions.join(' and ') || 'true';
}

/** `{count, bytes, rows}`: rows as JSON in their order, or null where they are more than MAX_BYTES. */
function asJson(table: Table, columns: readonly string[], rows: string): string {
  const pairs = [...new Set(columns)].map((column) => `'${column}', ${json(table, column)}`).join(', ');
  return `select count(*)::float8 as count, coalesce(sum(octet_length(json::text)), 0)::float8 as bytes,
      case when coalesce(sum(octet_length(json::text)), 0) <= ${MAX_BYTES}
        then coalesce(jsonb_agg(json order by at), '[]'::jsonb) end as rows
    from (select jsonb_build_object(${pairs}) as json, "row number" as at from (${rows}) as found) as page`;
}

/** Moments as the API writes them. */
function json(table: Table, column: string): string {
  const name = quoted(column);
  if (kindOf(table.columns, column) !== 'moment') return name;
  return `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

function value(table: Table, column: string, of: unknown, bind: Bind): string {
  const kind = kindOf(table.columns, column);
  return `${bind(kind === 'json' ? JSON.stringify(of) : of)}::${CASTS[kind]}`;
}
