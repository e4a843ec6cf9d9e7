import { z } from 'zod';

/**
 * Pieces of the zod schemas of JSON columns. Such a schema is the one place where a column's shape stands: workers parse
 * with it, and the API makes its input and output types from it (src/graphql/json-shapes.ts). For that its parts carry
 * as metadata
 *
 * - objects and vocabularies: `title`, the name of the GraphQL type, and `typeDescription`, its description;
 * - fields: `description`;
 * - values whose GraphQL scalar does not follow from their own type: `scalar`, its name.
 */

/** Text that is one of a few values, each with what it means. */
export function vocabulary<Value extends string>(
  title: string,
  typeDescription: string,
  values: Readonly<Record<Value, string>>,
) {
  const known = Object.keys(values) as [Value, ...Value[]];
  return z
    .enum(known, { error: `must be one of ${known.join(', ')}` })
    .meta({ title, typeDescription, vocabulary: values });
}

/**
 * An object that maps names to objects. GraphQL has no maps: its types are made as a list of the objects, each with its
 * `name`.
 */
export function named<Entry extends z.ZodObject>(entry: Entry) {
  return z.record(z.string().min(1).max(200), entry, {
    error: ({ code }) =>
      code === 'invalid_key' ? 'must have a name of 1 to 200 characters' : 'must map names to objects',
  });
}

/** What an object in a shape says to anything else. Several entries of one name in a list come as a list of them. */
export const notObject = { error: 'must be one object' };

/** GraphQL's Int ends there. */
export const MAX_INT = 2 ** 31 - 1;

export function whole(min = 0, max = MAX_INT) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, error).max(max, error);
}

const NO_AMOUNT = 'must be an amount from 0 with at most 10 digits before and 4 behind the point';

/**
 * US dollars, given as a number, as text or as the decimal that the API takes; a JSON number after it. With so few digits
 * that is the same number in JavaScript as in Postgres.
 */
export const usd = z
  .preprocess(
    (given) => (isDecimal(given) ? given.toFixed() : given),
    z.union(
      [
        z
          .string()
          .regex(/^\d{1,10}(\.\d{1,4})?$/, NO_AMOUNT)
          .transform(Number),
        z.number().min(0, NO_AMOUNT).max(9_999_999_999, NO_AMOUNT),
      ],
      { error: NO_AMOUNT },
    ),
  )
  .meta({ scalar: 'Decimal' });

function isDecimal(given: unknown): given is { toFixed(): string } {
  return (
    typeof given === 'object' && given !== null && 'toFixed' in given && typeof given.toFixed === 'function'
  );
}
