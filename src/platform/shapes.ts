import { z } from 'zod';

/**
 * Pieces of the zod schemas of JSON columns. Such a schema is the one place where a column's shape stands: workers parse
 * with it, and the API makes its input and output types from it (src/graphql/json-shapes.ts), for which it says
 *
 * - on an object and on a vocabulary, as `title`, the name of its type, and as `description` what it is;
 * - on every field, as `description`, what the field is;
 * - as `scalar` the GraphQL scalar, where that is another than the value's own.
 */

/** Text that is one of a few values, each with what it means. */
export function vocabulary<Value extends string>(
  title: string,
  description: string,
  values: Readonly<Record<Value, string>>,
) {
  const known = Object.keys(values) as [Value, ...Value[]];
  return z
    .enum(known, { error: `must be one of ${known.join(', ')}` })
    .meta({ title, description, vocabulary: values });
}

/** An object that maps names to objects. GraphQL, which has no maps, takes and gives a list of them, each with its name. */
export function named<Entry extends z.ZodObject>(entry: Entry) {
  return z.record(z.string().min(1, 'must have a name').max(200, 'must have a name of at most 200 characters'), entry, {
    error: 'must be an object',
  });
}

/** What an object in a shape says where it is none. Of two entries of one name the API makes a list. */
export const notObject: z.core.$ZodErrorMap = ({ input }) =>
  Array.isArray(input) ? 'must be given once' : 'must be an object';

/** US dollars, as a JSON number. With so few digits it is the same number in JavaScript as in Postgres. */
export const usd = z
  .union(
    [
      z
        .string()
        .regex(/^\d{1,10}(\.\d{1,4})?$/)
        .transform(Number),
      z.number().min(0).max(9_999_999_999.9999),
    ],
    { error: 'must be an amount of 0 or more with at most 10 digits before and 4 behind the point' },
  )
  .meta({ scalar: 'Decimal' });

/** A whole number. */
export function whole(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, error).max(max, error);
}

/** GraphQL's Int ends there. */
export const MAX_INT = 2 ** 31 - 1;

/** Milliseconds, up to 24 days. */
export const milliseconds = (min = 0, max = MAX_INT) => whole(min, max);
