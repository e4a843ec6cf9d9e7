import { z } from 'zod';
import { type FieldFault, ValidationError } from './errors.ts';
import { isUuid, rowId } from './ids.ts';

/** Deeper than any trainer's settings; some 4,000 levels end the stack of whoever walks them. */
const MAX_DEPTH = 100;

/** Text and JSON that Postgres can store: neither holds U+0000 or half a surrogate pair. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\u0000');
  return entriesOf(value).every(([key, inner]) => isStorable(key) && isStorable(inner));
}

/** Whether objects and lists within each other go no further than that many levels. */
function isWithinDepth(value: unknown, levels: number): boolean {
  const entries = entriesOf(value);
  return (
    entries.length === 0 || (levels > 0 && entries.every(([, inner]) => isWithinDepth(inner, levels - 1)))
  );
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** Messages complete the sentence `<field> …`. */
export const text = (max: number) =>
  z
    .string({ error: 'must be text' })
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine(isStorable, 'must not contain U+0000 or broken characters');

export const jsonObject = z
  .record(z.string(), z.unknown(), { error: 'must be a JSON object' })
  .refine((value) => isWithinDepth(value, MAX_DEPTH), {
    error: `must not be nested deeper than ${MAX_DEPTH} levels`,
    abort: true,
  })
  .refine(isStorable, 'must not contain U+0000 or broken characters');

/** Any JSON value but null, which is how GraphQL says that nothing was given. */
export const jsonValue = z
  .unknown()
  .refine((value) => value != null, 'is required')
  .refine((value) => isWithinDepth(value, MAX_DEPTH), {
    error: `must not be nested deeper than ${MAX_DEPTH} levels`,
    abort: true,
  })
  .refine(isStorable, 'must not contain U+0000 or broken characters');

export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2_000, 'must have at most 2000 characters');

export const keysOf = <Key extends string>(values: Record<Key, string>) =>
  Object.keys(values) as [Key, ...Key[]];

export function oneOf<Key extends string>(values: Record<Key, string>) {
  const keys = keysOf(values);
  return z.enum(keys, { error: `must be one of ${keys.join(', ')}` });
}

/** An object by its global id or its row's id, as the latter. */
export const uuidOf = (typename: string) =>
  z
    .string()
    .transform((id) => rowId(typename, id))
    .refine(isUuid, 'must be an id');

/** For patches: null is as good as left out. */
export const absent = <T>(value: T | null | undefined): T | undefined => value ?? undefined;

export const natural = z.number().min(0, 'must not be negative').nullish().transform(absent);

/**
 * What a schema makes of a value.
 *
 * @param prefix the argument that the value came in, e.g. `['input']`
 * @throws {ValidationError} with every faulty field at once
 */
export function validated<Output>(
  schema: z.ZodType<Output>,
  value: unknown,
  prefix: readonly string[],
): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }): FieldFault => ({
      path: [...prefix, ...path.map(String)],
      message: isMissing(value, path) ? 'is required' : message,
    }),
  );
  throw new ValidationError(faults);
}

function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  let inner = value;
  for (const key of path)
    inner = typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined;
  return inner === undefined || inner === null;
}
