import type { Condition } from '../platform/db/select.ts';
import { builder } from './builder.ts';

/** What a row holds that none of the known values is. */
export const UNKNOWN = 'unknown';

/**
 * A GraphQL enum over values that a text column holds as they are: PENDING is stored as `pending`, IN_APP as `in-app`
 * and NOT_EQUALS as `notEquals`. Other programs
 * write to those columns too, so there is UNKNOWN for what they may store, and beside every such field one with
 * the text itself.
 *
 * @param values stored value → description
 */
export function storedEnum<Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string>>,
) {
  const known = Object.entries<string>(values).map(([value, text]) => [
    constantCase(value),
    { value: value as Value | typeof UNKNOWN, description: text },
  ]);
  const unknown = {
    value: UNKNOWN as Value | typeof UNKNOWN,
    description: 'A value that this version does not know; the field of the same name with `Text` has it.',
  };
  return builder.enumType(name, {
    description,
    values: { ...Object.fromEntries(known), UNKNOWN: unknown } as Record<string, typeof unknown>,
  });
}

/** A GraphQL enum of values that only the API uses, named like those of `storedEnum`. */
export function plainEnum<Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string>>,
) {
  const named = Object.entries<string>(values).map(([value, text]) => [
    constantCase(value),
    { value: value as Value, description: text },
  ]);
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(named) as Record<string, { value: Value; description: string }>,
  });
}

function constantCase(value: string): string {
  return value
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();
}

export function valueOrUnknown<Value extends string>(
  values: Readonly<Record<Value, string>>,
  stored: string,
): Value | typeof UNKNOWN {
  return isKey(values, stored) ? stored : UNKNOWN;
}

function isKey<Value extends string>(values: Readonly<Record<Value, string>>, text: string): text is Value {
  return Object.hasOwn(values, text);
}

/** A filter on such a column: UNKNOWN stands for every value that is not known. */
export function stored<Value extends string>(
  field: string,
  values: Readonly<Record<Value, string>>,
  wanted: readonly (Value | typeof UNKNOWN)[],
): Condition {
  const known: Condition = { field, in: wanted.filter((value) => value !== UNKNOWN) };
  if (!wanted.includes(UNKNOWN)) return known;
  return { any: [[known], [{ field, notIn: Object.keys(values) }]] };
}
