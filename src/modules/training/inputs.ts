import { z } from 'zod';
import { absent, httpUrl, jsonObject, natural, oneOf, text, uuidOf } from '../../graphql/validation.ts';
import { LOG_LEVELS } from '../../platform/feed/events.ts';
import { DATASET_FORMATS, METHODS, PROVIDERS } from './vocabulary.ts';

/** A line longer than that is no line; the feed would keep it for good. */
const MAX_LINE = 65_536;
const MAX_LINES = 1_000;

/** The name that runs are started by. Lower and upper case, as the platform's existing ones have both. */
const publicId = text(100).regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  'must consist of letters, digits, dots, dashes and underscores, and begin with a letter or digit',
);

const idempotencyKey = text(200).nullish();

export const retryInput = z.object({ idempotencyKey });

export const cancelInput = z.object({ reason: text(1_000).nullish() });

export const startInput = z.object({
  publicId: text(200),
  method: oneOf(METHODS),
  provider: oneOf(PROVIDERS),
  tenantId: uuidOf('Tenant').nullish(),
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
