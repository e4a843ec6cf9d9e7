import { z } from 'zod';
import { absent, isStorable, jsonObject, oneOf, text, uuidOf } from '../../graphql/validation.ts';
import { SEVERITIES, TELEMETRY_TYPES } from './vocabulary.ts';

export const MAX_BATCH = 1_000;

const batchOf = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .min(1, 'must hold at least one entry')
    .max(MAX_BATCH, { error: `must hold at most ${MAX_BATCH} entries`, abort: true });

const OLDEST = new Date('2000-01-01T00:00:00Z');
const AHEAD_MS = 24 * 3_600_000;

/** Clocks of clients go wrong; a moment in some other century would stand at the end of every list for good. */
const happened = z
  .date({ error: 'must be a moment' })
  .min(OLDEST, 'must not lie before the year 2000')
  .refine((at) => at.getTime() <= Date.now() + AHEAD_MS, 'must not lie more than a day ahead')
  .nullish()
  .transform((at) => at ?? null);

const tenantId = uuidOf('Tenant')
  .nullish()
  .transform((id) => id ?? null);

export const telemetryBatch = batchOf(
  z.object({
    type: oneOf(TELEMETRY_TYPES),
    timestamp: happened,
    tenantId,
    sessionId: text(255)
      .nullish()
      .transform((id) => id ?? null),
    properties: jsonObject.nullish().transform((properties) => properties ?? {}),
    metadata: jsonObject.nullish().transform((metadata) => metadata ?? null),
  }),
);

export type TelemetryInput = z.infer<typeof telemetryBatch>[number];

/** The column holds 12 digits, 4 of them behind the point. */
const LARGEST_VALUE = 99_999_999.9999;

const measured = z
  .string({ error: 'must be a decimal number' })
  .regex(/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i, { error: 'must be a decimal number', abort: true })
  .max(100, 'must have at most 100 characters')
  .refine((value) => Math.abs(Number(value)) <= LARGEST_VALUE, `must lie within ±${LARGEST_VALUE}`);

export const performanceBatch = batchOf(
  z.object({
    metric: text(100),
    value: z.preprocess((value) => (value == null ? value : String(value)), measured),
    unit: text(20),
    timestamp: happened,
    tags: jsonObject.nullish().transform((tags) => tags ?? null),
  }),
);

export type PerformanceInput = z.infer<typeof performanceBatch>[number];

/** Kept as it is, indented and with its line breaks. */
const stack = z
  .string({ error: 'must be text' })
  .max(100_000, 'must have at most 100000 characters')
  .refine(isStorable, 'must not contain U+0000 or broken characters');

export const errorInput = z.object({
  error: z.object(
    {
      message: text(10_000),
      name: text(200)
        .nullish()
        .transform((name) => name ?? 'Error'),
      stack: stack.nullish().transform(absent),
      code: text(200).nullish().transform(absent),
    },
    { error: 'must be an object' },
  ),
  context: jsonObject.nullish().transform((context) => context ?? null),
  severity: oneOf(SEVERITIES)
    .nullish()
    .transform((severity) => severity ?? ('medium' as const)),
  tenantId,
});

export type ErrorInput = z.infer<typeof errorInput>;
