import { isUuid } from '../../../graphql/ids.ts';
import { isStorable } from '../../../graphql/validation.ts';
import { CASTS, type ColumnKind } from './columns.ts';
import { refused } from './refused.ts';

/** Returns the parameter that stands for a value. */
export type Bind = (value: unknown) => string;

type Comparable = Exclude<ColumnKind, 'json'>;

const MAX_CONDITIONS = 20;
const MAX_VALUES = 1_000;

const COMPARISONS: Readonly<Record<string, string>> = {
  eq: '=',
  ne: 'is distinct from',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
};
const ORDERED: readonly ColumnKind[] = ['text', 'number', 'moment'];

/**
 * Conditions as SQL, all of which must hold. Identifiers are those of the columns given, everything else is a parameter.
 *
 * @param where a value by column, or what it is compared with: `{"created_at": {"gte": "2026-11-01T00:00:00Z"}}`
 * @throws {StepError} naming the column and the remedy
 */
export function conditionsOf(
  where: Readonly<Record<string, unknown>>,
  columns: Readonly<Record<string, ColumnKind>>,
  bind: Bind,
): string[] {
  const conditions = Object.entries(where).flatMap(([column, wanted]) => {
    const kind = kindOf(columns, column);
    if (!isComparison(wanted)) return [conditionOf(column, kind, ['eq', wanted], bind)];
    return Object.entries(wanted).map((one) => conditionOf(column, kind, one, bind));
  });
  if (conditions.length > MAX_CONDITIONS)
    throw refused(`\`where\` takes at most ${MAX_CONDITIONS} conditions.`);
  return conditions;
}

export function kindOf(columns: Readonly<Record<string, ColumnKind>>, column: string): ColumnKind {
  const kind = Object.hasOwn(columns, column) ? columns[column] : undefined;
  if (kind) return kind;
  throw refused(
    `There is no column ${JSON.stringify(column.slice(0, 100))} in reach: choose of ${Object.keys(columns).join(', ')}.`,
  );
}

function isComparison(wanted: unknown): wanted is Record<string, unknown> {
  return typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted);
}

function conditionOf(
  column: string,
  kind: ColumnKind,
  [operator, value]: [string, unknown],
  bind: Bind,
): string {
  const name = quoted(column);
  if (operator === 'isNull') {
    if (typeof value !== 'boolean') throw refused(`\`isNull\` of ${column} must be true or false.`);
    return `${name} is ${value ? '' : 'not '}null`;
  }
  if (kind === 'json') throw refused(`${column} is JSON, which can be asked for \`isNull\` alone.`);
  if (operator === 'in') return `${name} = any(${bind(listOf(column, kind, value))}::${CASTS[kind]}[])`;
  if (operator === 'startsWith' && kind === 'text') {
    return `starts_with(${name}::text, ${bind(comparable(column, kind, value))})`;
  }
  const comparison = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
  const isKnown = ['eq', 'ne'].includes(operator) || ORDERED.includes(kind);
  if (comparison === undefined || !isKnown) throw unknownOperator(column, kind, operator);
  if (operator === 'eq' && value === null) return `${name} is null`;
  if (operator === 'ne' && value === null) return `${name} is not null`;
  return `${name} ${comparison} ${bind(comparable(column, kind, value))}::${CASTS[kind]}`;
}

function unknownOperator(column: string, kind: ColumnKind, operator: string): Error {
  const known = [
    ...(ORDERED.includes(kind) ? Object.keys(COMPARISONS) : ['eq', 'ne']),
    ...(kind === 'text' ? ['startsWith'] : []),
    ...['in', 'isNull'],
  ];
  return refused(
    `${column} cannot be compared by ${JSON.stringify(operator.slice(0, 100))}: choose of ${known.join(', ')}.`,
  );
}

function listOf(column: string, kind: Comparable, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw refused(`\`in\` of ${column} must be a list.`);
  if (value.length > MAX_VALUES) throw refused(`\`in\` of ${column} takes at most ${MAX_VALUES} values.`);
  return value.map((one) => comparable(column, kind, one));
}

/** Postgres would refuse what is none with a message of its own. */
const IS: Readonly<Record<Comparable, { what: string; test(value: unknown): boolean }>> = {
  uuid: { what: 'a uuid', test: (value) => typeof value === 'string' && isUuid(value) },
  text: { what: 'text', test: (value) => typeof value === 'string' && isStorable(value) },
  number: { what: 'a number', test: (value) => typeof value === 'number' && Number.isFinite(value) },
  boolean: { what: 'true or false', test: (value) => typeof value === 'boolean' },
  moment: { what: 'a moment such as 2026-11-22T09:30:00Z', test: isMoment },
};

function comparable(column: string, kind: Comparable, value: unknown): unknown {
  if (IS[kind].test(value)) return value;
  throw refused(`${column} is compared with ${IS[kind].what}.`);
}

function isMoment(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
