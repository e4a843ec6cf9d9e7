import { z } from 'zod';
import type { Table } from './columns.ts';
import { kindOf } from './conditions.ts';
import { refused } from './refused.ts';
import { TABLES } from './tables.ts';

export const MAX_ROWS = 1_000;
const DEFAULT_ROWS = 100;

const OPERATIONS = ['select', 'count', 'insert', 'update', 'delete'] as const;
type Operation = (typeof OPERATIONS)[number];

const query = z.strictObject({
  where: z.record(z.string(), z.unknown()).default({}),
  columns: z.array(z.string()).min(1).max(100).optional(),
  order: z.array(z.string()).max(5).default([]),
  limit: z.int().min(1).max(MAX_ROWS).default(DEFAULT_ROWS),
});

export type Row = Readonly<Record<string, unknown>>;

/** What a step asks for, checked against the list of tables. */
export type Request = {
  table: Table;
  /** To be returned. */
  columns: readonly string[];
  where: Row;
  order: readonly { column: string; direction: 'asc' | 'desc' }[];
  /** Rows to return, or to change at most. */
  limit: number;
} & (
  | { operation: 'select' | 'count' | 'delete' }
  | { operation: 'insert'; rows: readonly Row[] }
  | { operation: 'update'; values: Row }
);

/**
 * @param config with its `{{ … }}` filled in
 * @throws {StepError} DATABASE_INVALID: what is wrong, and what there is instead
 */
export function requestOf(config: {
  operation: string;
  table: string;
  query?: unknown;
  data?: unknown;
}): Request {
  const table = tableOf(config.table);
  const operation = operationOf(config.operation, config.table, table);
  const { where, columns, order, limit } = parsed(query, config.query ?? {}, 'query');
  const request = {
    table,
    columns: columns ?? Object.keys(table.columns),
    where,
    order: order.map((term) => orderOf(term, table)),
    limit,
  };
  for (const column of request.columns) kindOf(table.columns, column);
  if (operation === 'insert') return { ...request, operation, rows: rowsOf(table, config.data) };
  if (operation === 'select' || operation === 'count') return { ...request, operation };
  if (Object.keys(where).length === 0) {
    throw refused(`\`query.where\` is required for ${operation}: it says which rows.`);
  }
  if (operation === 'delete') return { ...request, operation };
  return { ...request, operation, values: valuesOf(table, config.data) };
}

function tableOf(name: string): Table {
  const table = Object.hasOwn(TABLES, name) ? TABLES[name] : undefined;
  if (table) return table;
  throw refused(
    `There is no table ${JSON.stringify(name)} in reach: choose of ${Object.keys(TABLES).join(', ')}.`,
  );
}

function operationOf(wanted: string, name: string, table: Table): Operation {
  const may = OPERATIONS.filter((operation) => {
    if (operation === 'insert') return table.insert !== undefined;
    if (operation === 'update') return table.update !== undefined;
    return operation !== 'delete' || table.canDelete === true;
  });
  const operation = may.find((one) => one === wanted);
  if (operation) return operation;
  throw refused(`${JSON.stringify(wanted)} is not possible on ${name}: choose of ${may.join(', ')}.`);
}

function orderOf(term: string, table: Table) {
  const isDescending = term.startsWith('-');
  const column = isDescending ? term.slice(1) : term;
  if (kindOf(table.columns, column) === 'json')
    throw refused(`Rows cannot be ordered by ${column}: it is JSON.`);
  return { column, direction: isDescending ? ('desc' as const) : ('asc' as const) };
}

function rowsOf(table: Table, data: unknown): Row[] {
  const rows = Array.isArray(data) ? data : [data];
  if (rows.length === 0 || rows.length > DEFAULT_ROWS) {
    throw refused(`\`data\` must be a row, or a list of 1 to ${DEFAULT_ROWS}.`);
  }
  return rows.map((row, at) =>
    parsed(table.insert ?? z.never(), row, Array.isArray(data) ? `data.${at}` : 'data'),
  );
}

function valuesOf(table: Table, data: unknown): Row {
  const values: Row = parsed(table.update ?? z.never(), data, 'data');
  if (Object.keys(values).length === 0) throw refused('`data` must name what to change.');
  return values;
}

function parsed<Output>(schema: z.ZodType<Output>, value: unknown, name: string): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${[name, ...path].join('.')}: ${message}`);
  throw refused(`The step is not valid: ${faults.slice(0, 10).join('; ').slice(0, 1_000)}.`);
}
