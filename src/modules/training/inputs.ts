import { z } from 'zod';
import { type FieldFault, ValidationError } from '../../graphql/errors.ts';
import { isUuid, rowId } from '../../graphql/ids.ts';
import { LOG_LEVELS } from '../../platform/feed/events.ts';
import { DATASET_FORMATS, METHODS, PROVIDERS } from './vocabulary.ts';

/** A line longer than that is no line; the feed would keep it for good. */
const MAX_LINE = 65_536;
const MAX_LINES = 1_000;

/** Deeper than any trainer's settings; some 4,000 levels end the stack of whoever walks them. */
const MAX_DEPTH = 100;

/** Text and JSON that Postgres can store: neither holds U+0000 or half a surrogate pair. */
function isStorable(value: unknown): boolean {
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

const text = (max: number) =>
  z
    .string({ error: 'must be text' })
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine(isStorable, 'must not contain U+0000 or broken characters');

const jsonObject = z
  .record(z.string(), z.unknown(), { error: 'must be a JSON object' })
  .refine((value) => isWithinDepth(value, MAX_DEPTH), {
    error: `must not be nested deeper than ${MAX_DEPTH} levels`,
    abort: true,
  })
  .refine(isStorable, 'must not contain U+0000 or broken characters');

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2_000, 'must have at most 2000 characters');

const keysOf = <Key extends string>(values: Record<Key, string>) => Object.keys(values) as [Key, ...Key[]];

function oneOf<Key extends string>(values: Record<Key, string>) {
  const keys = keysOf(values);
  return z.enum(keys, { error: `must be one of ${keys.join(', ')}` });
}

/** The name that runs are started by. Lower and upper case, as the platform's existing ones have both. */
const publicId = text(100).regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  'must consist of letters, digits, dots, dashes and underscores, and begin with a letter or digit',
);

const uuidOf = (typename: string) =>
  z
    .string()
    .transform((id) => rowId(typename, id))
    .refine(isUuid, 'must be an id');

const idempotencyKey = text(200).nullish();

export const retryInput = z.object({ idempotencyKey });

export const cancelInput = z.object({ reason: text(1_000).nullish() });

export const startInput = z.object({
  publicId: text(200),
  method: oneOf(METHODS),
  provider: oneOf(PROVIDERS),
  tenantId: z.string().refine(isUuid, 'must be an id').nullish(),
  config: jsonObject.nullish().transform((config) => config ?? {}),
  callbackUrl: httpUrl.nullish(),
  idempotencyKey,
});

/** What a config must look like where it says something that trainers read; anything else is kept as it is. */
const configJson = jsonObject.pipe(
  z.looseObject({
    model: z.looseObject({ name: text(500) }, { error: 'must be an object with a name' }).optional(),
    training: z.looseObject({ method: oneOf(METHODS).optional() }, { error: 'must be an object' }).optional(),
    hyperparameters: z.record(z.string(), z.unknown(), { error: 'must be an object' }).optional(),
  }),
);

const gistUrls = z.partialRecord(oneOf(METHODS), httpUrl, { error: 'must map methods to URLs' });

export const configInput = z.object({
  name: text(200),
  publicId,
  isPublic: z
    .boolean()
    .nullish()
    .transform((isPublic) => isPublic ?? false),
  config: configJson,
  gistUrls: gistUrls.nullish().transform((urls) => urls ?? {}),
  datasetIds: z
    .array(uuidOf('TrainingDataset'))
    .max(100, 'must name at most 100 datasets')
    .nullish()
    .transform((ids) => [...new Set(ids)]),
});

const absent = <T>(value: T | null | undefined): T | undefined => value ?? undefined;

export const configPatch = z.object({
  name: text(200).nullish().transform(absent),
  publicId: publicId.nullish().transform(absent),
  config: configJson.nullish().transform(absent),
  gistUrls: gistUrls.nullish().transform(absent),
  datasetIds: z
    .array(uuidOf('TrainingDataset'))
    .max(100, 'must name at most 100 datasets')
    .nullish()
    .transform((ids) => (ids ? [...new Set(ids)] : undefined)),
});

/** A path that stays below the data folder however it is joined to it, or an http(s) URL. */
const storagePath = text(1_000).refine(
  (path) => (/^https?:\/\//i.test(path) ? httpUrl.safeParse(path).success : isRelativePath(path)),
  'must be a path below the data folder, such as datasets/tales.jsonl, or an http or https URL',
);

function isRelativePath(path: string): boolean {
  const isPlain = !/^[/~]|\\|^[A-Za-z][A-Za-z0-9+.-]*:/.test(path);
  return isPlain && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

export const datasetInput = z.object({
  name: text(200),
  storagePath,
  format: oneOf(DATASET_FORMATS),
});

export const datasetPatch = z.object({
  name: text(200).nullish().transform(absent),
  storagePath: storagePath.nullish().transform(absent),
  format: oneOf(DATASET_FORMATS).nullish().transform(absent),
});

export const logLines = z
  .array(
    z.object({
      message: z
        .string()
        .max(MAX_LINE, `must have at most ${MAX_LINE} characters`)
        .refine((line) => !/[\r\n]/.test(line), 'must be a single line'),
      level: z
        .enum(LOG_LEVELS)
        .nullish()
        .transform((level) => level ?? ('info' as const)),
    }),
  )
  .min(1, 'must hold at least one line')
  .max(MAX_LINES, `must hold at most ${MAX_LINES} lines`);

const natural = z.number().min(0, 'must not be negative').nullish().transform(absent);

export const progressInput = z
  .object({
    percent: z
      .int({ error: 'must be a whole number' })
      .min(0, 'must be 0 to 100')
      .max(100, 'must be 0 to 100'),
    step: natural,
    totalSteps: natural,
    etaSeconds: natural,
    epoch: natural,
    metrics: z
      .record(z.string(), z.number({ error: 'must be a number' }), { error: 'must map names to numbers' })
      .nullish()
      .transform(absent),
  })
  .refine(({ metrics, step }) => metrics === undefined || step !== undefined, {
    path: ['step'],
    error: 'must be given where metrics are',
  });

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
