import type { Statement } from './connection.ts';
import type { PipelineResult } from './pipelined-query.ts';
import { type Field, type Read, type ReadModel, readerOf } from './read-model.ts';

export type PlainRead = { statement: Statement; fields: readonly Field[]; takesOne: boolean };

const OPERATIONS = new Set(['findUnique', 'findFirst', 'findMany']);

/**
 * A Prisma read as one SELECT, where it is no more than that: columns of one table, equal to given values, in an order,
 * from the start. Undefined for everything else, also for what Prisma would refuse: that is Prisma's to answer.
 */
export function plainRead(model: ReadModel, operation: string, args: unknown): PlainRead | undefined {
  if (!OPERATIONS.has(operation) || !isRecord(args)) return undefined;
  const { select, where = {}, orderBy = [], take, skip, ...others } = args;
  if (Object.values(others).some((value) => value !== undefined)) return undefined;
  if (skip !== undefined && skip !== 0) return undefined;
  const fields = selected(model, select);
  const values: string[] = [];
  const conditions = conditionsOf(model, where, values);
  const order = orderOf(model, orderBy);
  const limit = limitOf(operation, take);
  if (!fields || !conditions || !order || limit === undefined) return undefined;
  // Any other unique column would do, but which are unique is not known here.
  if (operation === 'findUnique' && (!isRecord(where) || !('id' in where))) return undefined;
  const text = [
    `select ${fields.map(({ column }) => column).join(', ')} from ${model.table}`,
    ...(conditions.length > 0 ? [`where ${conditions.join(' and ')}`] : []),
    ...(order.length > 0 ? [`order by ${order.join(', ')}`] : []),
  ];
  if (limit !== Number.POSITIVE_INFINITY) text.push(`limit $${values.push(String(limit))}`);
  return { statement: { text: text.join(' '), values }, fields, takesOne: operation !== 'findMany' };
}

/** The rows as Prisma would return them; undefined where a column has a type whose values only Prisma can make. */
export function readResult({ fields, takesOne }: PlainRead, { columns, rows }: PipelineResult): unknown {
  const readers = fields.map(({ name, type }, at) => ({ name, read: readerOf(type, columns[at]?.oid) }));
  const known = readers.filter((reader): reader is Reader => reader.read !== undefined);
  if (known.length < readers.length) return undefined;
  const objects = rows.map((texts) => objectOf(known, texts));
  return takesOne ? (objects[0] ?? null) : objects;
}

type Reader = { name: string; read: Read };

function objectOf(readers: readonly Reader[], texts: readonly (string | null)[]): object {
  const row: Record<string, unknown> = {};
  for (let at = 0; at < readers.length; at += 1) {
    const text = texts[at] ?? null;
    const reader = readers[at];
    if (reader) row[reader.name] = text === null ? null : reader.read(text);
  }
  return row;
}

function selected({ fields }: ReadModel, select: unknown): Field[] | undefined {
  if (!isRecord(select)) return undefined;
  const found: Field[] = [];
  for (const name in select) {
    const field = fields.get(name);
    if (select[name] !== true || !field) return undefined;
    found.push(field);
  }
  return found.length > 0 ? found : undefined;
}

/** Only texts: numbers and moments have ranges and precisions that Prisma minds. */
function conditionsOf({ fields }: ReadModel, where: unknown, values: string[]): string[] | undefined {
  if (!isRecord(where)) return undefined;
  const conditions: string[] = [];
  for (const name in where) {
    const field = fields.get(name);
    const value = where[name];
    if (field?.type !== 'String' || typeof value !== 'string') return undefined;
    conditions.push(`${field.column} = $${values.push(value)}`);
  }
  return conditions;
}

function orderOf({ fields }: ReadModel, orderBy: unknown): string[] | undefined {
  const order: string[] = [];
  for (const one of Array.isArray(orderBy) ? orderBy : [orderBy]) {
    if (!isRecord(one)) return undefined;
    const [[name, direction] = [], ...others] = Object.entries(one);
    const field = fields.get(name ?? '');
    if (!field || others.length > 0 || (direction !== 'asc' && direction !== 'desc')) return undefined;
    order.push(`${field.column} ${direction}`);
  }
  return order;
}

function limitOf(operation: string, take: unknown): number | undefined {
  if (operation !== 'findMany') return take === undefined ? 1 : undefined;
  if (take === undefined) return Number.POSITIVE_INFINITY;
  return typeof take === 'number' && Number.isInteger(take) && take >= 0 ? take : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
