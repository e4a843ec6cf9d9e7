import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { BigIntResolver, DateTimeResolver, JSONResolver, UUIDResolver } from 'graphql-scalars';
import { Prisma } from '../generated/prisma/client.ts';

/** As text at once: made by JSON's own conversion of dates, a page of rows took it out of the engine's fast path. */
export const dateTime = new GraphQLScalarType<Date, Date | string>({
  ...DateTimeResolver.toConfig(),
  serialize: (value) =>
    value instanceof Date && !Number.isNaN(value.getTime())
      ? isoOf(value.getTime())
      : DateTimeResolver.serialize(value),
});

/** The last moment that was written: fifty lines of a log that came together are of the same one. */
let known = { at: 0, text: new Date(0).toISOString() };

function isoOf(at: number): string {
  if (at !== known.at) known = { at, text: new Date(at).toISOString() };
  return known.text;
}

/** A number while that is exact, else text. The library's own conversion tells the console so at its first text. */
export const bigInt = new GraphQLScalarType<bigint | number, number | string>({
  ...BigIntResolver.toConfig(),
  serialize: (value) => {
    const whole = asWhole(value);
    return isExact(whole) ? Number(whole) : whole.toString();
  },
  parseValue: asExact,
  parseLiteral: (node) => {
    if (node.kind !== Kind.INT && node.kind !== Kind.STRING) throw notWhole('a value of another kind');
    return asExact(node.value);
  },
});

function asExact(value: unknown): bigint | number {
  const whole = asWhole(value);
  return isExact(whole) ? Number(whole) : whole;
}

function isExact(whole: bigint): boolean {
  return Number.isSafeInteger(Number(whole));
}

function asWhole(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (Number.isInteger(value) || (typeof value === 'string' && /^-?\d{1,100}$/.test(value))) {
    return BigInt(String(value));
  }
  throw notWhole(typeof value === 'string' ? value : String(value));
}

function notWhole(shown: string): GraphQLError {
  return new GraphQLError(`BigInt takes a whole number, as a number or text, not ${shown.slice(0, 100)}.`);
}

/** Money never becomes a float: text in and out, decimal.js, which Prisma comes with, in between. */
export const decimal = new GraphQLScalarType<Prisma.Decimal, string>({
  name: 'Decimal',
  serialize: (value) => asDecimal(value).toFixed(),
  parseValue: asDecimal,
  parseLiteral: (node) => {
    const isNumber = node.kind === Kind.INT || node.kind === Kind.FLOAT || node.kind === Kind.STRING;
    if (!isNumber) throw notDecimal('a value of another kind');
    return asDecimal(node.value);
  },
});

const DECIMAL = /^[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})$/;

function asDecimal(value: unknown): Prisma.Decimal {
  if (Prisma.Decimal.isDecimal(value)) return value;
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  if (typeof text !== 'string' || !DECIMAL.test(text)) throw notDecimal(JSON.stringify(value) ?? 'nothing');
  return new Prisma.Decimal(text);
}

function notDecimal(shown: string): GraphQLError {
  return new GraphQLError(`Decimal takes a number as text, such as "0.0125", not ${shown.slice(0, 100)}.`);
}

export const json = JSONResolver;
export const uuid = UUIDResolver;
