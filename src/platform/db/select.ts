import type { Statement } from './connection.ts';
import type { PipelineResult } from './pipelined-query.ts';
import { type Field, type ReadModel, readerOf } from './read-model.ts';
import { wireValue } from './wire-values.ts';

/** What holds of a row. Fields are the model's, as Prisma names them. */
export type Condition =
  | ({ field: string } & (
      | { is: string | number | boolean }
      | { in: readonly string[] }
      | { notIn: readonly string[] }
      | { from: Date | number }
      | { before: Date | number }
      | { contains: string }
      | { isNull: boolean }
    ))
  /** Beyond a place in an order: the row of the fields' values, compared as a whole with those of these texts. */
  | { fields: readonly string[]; comparison: '<' | '>'; place: readonly string[] }
  /** All of one of these lists hold. */
  | { any: readonly (readonly Condition[])[] }
  /** Hand-written: columns are those of `"row"`, values go in by `bind`, which returns their parameter. */
  | { sql: (bind: (value: unknown) => string) => string };

export type Select = {
  model: string;
  /** Fields to return. */
  fields: readonly string[];
  where: readonly Condition[];
  /** All in one direction, the last of them unique, none of them null: so that a row has a place in the order. */
  order: { fields: readonly string[]; direction: 'asc' | 'desc' };
  limit: number;
  /** At most `limit` rows for each of these values of a uuid field. */
  per?: { field: string; values: readonly string[] };
};

export type SelectedRow = {
  /** By field; what was not asked for is not in it. */
  row: Record<string, unknown>;
  /** The row's place: the texts of the order's fields as Postgres writes them, microseconds included. */
  place: readonly string[];
  /** Which value of `per` it belongs to. */
  of: string;
};

/** @throws {Error} on a field that the model lacks */
export function selectStatement(model: ReadModel, select: Select): Statement {
  const values: string[] = [];
  const bind = binder(values);
  const { order, per } = select;
  const direction = order.direction;
  const places = order.fields.map((name) => column(model, name));
  const columns = columnsOf(select).map((name) => column(model, name));
  const conditions = [
    ...(per ? [`${column(model, per.field)} = "parent"."id"`] : []),
    ...select.where.map((condition) => sqlOf(model, condition, bind)),
  ];
  const rows = [
    `select ${columns.join(', ')} from ${model.table} as "row"`,
    ...(conditions.length > 0 ? [`where ${conditions.join(' and ')}`] : []),
    `order by ${places.map((place) => `${place} ${direction}`).join(', ')}`,
    `limit ${bind(select.limit)}`,
  ].join(' ');
  if (!per) return { text: rows, values };
  // The order of the rows within a parent is made again: a join keeps it in practice, but promises nothing.
  const named = columns.map((_, at) => `"c${at}"`);
  const again = named.slice(0, places.length).map((name) => `"child".${name} ${direction}`);
  const text = [
    `select "parent"."id", "child".* from unnest(${bind(per.values)}::uuid[]) as "parent"("id")`,
    `cross join lateral (${rows}) as "child"(${named.join(', ')})`,
    `order by "parent"."id", ${again.join(', ')}`,
  ].join(' ');
  return { text, values };
}

export function selectedRows(model: ReadModel, select: Select, result: PipelineResult): SelectedRow[] {
  const offset = select.per ? 1 : 0;
  const end = offset + select.order.fields.length;
  const columns = columnsOf(select);
  const readers = select.fields.map((name) => {
    const field = fieldOf(model, name);
    const at = offset + columns.indexOf(name);
    const oid = result.columns[at]?.oid;
    const read = readerOf(field.type, oid);
    if (!read) throw new Error(`No way to read ${field.type} from a column of type ${oid}.`);
    return { name, at, read };
  });
  return result.rows.map((texts) => {
    const row: Record<string, unknown> = {};
    for (const { name, at, read } of readers) {
      const text = texts[at] ?? null;
      row[name] = text === null ? null : read(text);
    }
    return { row, place: texts.slice(offset, end).map((text) => text ?? ''), of: texts[0] ?? '' };
  });
}

/** The order's fields, then the others. */
function columnsOf({ order, fields }: Select): string[] {
  return [...order.fields, ...fields.filter((name) => !order.fields.includes(name))];
}

/** How many rows there are, in all or for each value of a field: columns `of` and `count`. */
export function countStatement(model: ReadModel, { where, per }: Pick<Select, 'where' | 'per'>): Statement {
  const values: string[] = [];
  const bind = binder(values);
  const of = per ? column(model, per.field) : `''`;
  const conditions = [
    ...(per ? [`${of} = any(${bind(per.values)}::uuid[])`] : []),
    ...where.map((condition) => sqlOf(model, condition, bind)),
  ];
  const text = [
    `select ${of} as "of", count(*) as "count" from ${model.table} as "row"`,
    ...(conditions.length > 0 ? [`where ${conditions.join(' and ')}`] : []),
    ...(per ? ['group by 1'] : []),
  ].join(' ');
  return { text, values };
}

type Bind = (value: unknown) => string;

function binder(values: string[]): Bind {
  return (value) => `$${values.push(textOf(value))}`;
}

/** Postgres can neither hold nor be asked for U+0000 and half a surrogate pair: such text is found nowhere. */
function textOf(value: unknown): string {
  const wire = wireValue(value);
  if (typeof wire !== 'string') throw new Error('A condition needs a value that has a text.');
  return wire.toWellFormed().replaceAll('\u0000', '\uFFFD');
}

function sqlOf(model: ReadModel, condition: Condition, bind: Bind): string {
  if ('sql' in condition) return `(${condition.sql(bind)})`;
  if ('any' in condition) {
    if (condition.any.length === 0) return 'false';
    const branches = condition.any.map(
      (all) => all.map((one) => sqlOf(model, one, bind)).join(' and ') || 'true',
    );
    return `((${branches.join(') or (')}))`;
  }
  if ('place' in condition) {
    const columns = condition.fields.map((name) => column(model, name));
    return `(${columns.join(', ')}) ${condition.comparison} (${condition.place.map(bind).join(', ')})`;
  }
  const name = column(model, condition.field);
  if ('is' in condition) return `${name} = ${bind(condition.is)}`;
  if ('in' in condition) return `${name} = any(${bind(condition.in)})`;
  if ('notIn' in condition) return `${name} <> all(${bind(condition.notIn)})`;
  if ('from' in condition) return `${name} >= ${bind(condition.from)}`;
  if ('before' in condition) return `${name} < ${bind(condition.before)}`;
  if ('contains' in condition) return `${name} ilike ${bind(`%${likeable(condition.contains)}%`)}`;
  return `${name} is ${condition.isNull ? '' : 'not '}null`;
}

/** Text that `like` takes as it is. */
function likeable(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function fieldOf(model: ReadModel, name: string): Field {
  const field = model.fields.get(name);
  if (!field) throw new Error(`${model.table} has no field ${name}.`);
  return field;
}

function column(model: ReadModel, name: string): string {
  return `"row".${fieldOf(model, name).column}`;
}
