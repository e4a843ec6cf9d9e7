import { isList, isObject } from './json.ts';

/** How values of JSON compare for conditions and reconciliation. */

const NUMBER = /^[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})([eE][+-]?\d{1,3})?$/;

/** A number, or a text that is one; undefined for everything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const number = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

const MOMENT = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** The moment of an ISO date or time, in milliseconds; a date is its midnight, and what names no zone is in UTC. */
export function momentOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !MOMENT.test(value)) return undefined;
  const text = value.replace(' ', 'T');
  const hasZone = text.length === 10 || /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10));
  const moment = Date.parse(hasZone ? text : `${text}Z`);
  return Number.isNaN(moment) ? undefined : moment;
}

/** Negative, zero or positive; undefined for what cannot be put in order. Numbers come first, then dates, then texts. */
export function compared(a: unknown, b: unknown): number | undefined {
  const numbers = both(numberOf, a, b) ?? both(momentOf, a, b);
  if (numbers) return numbers[0] - numbers[1];
  if (typeof a !== 'string' || typeof b !== 'string') return undefined;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function both(read: (value: unknown) => number | undefined, a: unknown, b: unknown) {
  const [first, second] = [read(a), read(b)];
  return first === undefined || second === undefined ? undefined : ([first, second] as const);
}

/**
 * Whether two values are the same: a number and a text that is that number are, two texts only as dates of the same
 * moment or letter by letter, so that "01234" is not "1234". Objects and lists are compared as a whole.
 */
export function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' || typeof b === 'number') {
    const numbers = both(numberOf, a, b);
    return numbers !== undefined && numbers[0] === numbers[1];
  }
  const moments = both(momentOf, a, b);
  if (moments) return moments[0] === moments[1];
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((inner, index) => isSame(inner, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
  );
}
