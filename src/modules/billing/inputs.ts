import { z } from 'zod';
import { absent, jsonObject, oneOf, text, uuidOf } from '../../graphql/validation.ts';
import { BILLING_EVENTS, METRICS } from './vocabulary.ts';

/** The column's type ends there. */
const MAX_QUANTITY = 2 ** 31 - 1;
const MAX_BATCH = 1_000;
/** Clocks differ a little; what is said to have been used tomorrow is a mistake. */
const SKEW_MS = 5 * 60_000;
const EARLIEST = new Date('1973-01-01T00:00:00Z');

const past = z
  .date({ error: 'must be a moment' })
  .min(EARLIEST, `must not be before ${EARLIEST.toISOString()}`)
  .refine((at) => at.getTime() <= Date.now() + SKEW_MS, 'must not be in the future')
  .nullish()
  .transform(absent);

const usageInput = z.object({
  metric: oneOf(METRICS),
  quantity: z
    .int({ error: 'must be a whole number' })
    .min(0, 'must not be negative')
    .max(MAX_QUANTITY, `must be at most ${MAX_QUANTITY}`),
  tenantId: uuidOf('Tenant').nullish().transform(absent),
  timestamp: past,
  metadata: jsonObject.nullish().transform(absent),
  idempotencyKey: text(200).nullish().transform(absent),
});

export type UsageInput = z.output<typeof usageInput>;

/** As `recordUsage` takes it, as a batch of one. */
export const usageBatchOfOne = usageInput.transform((one) => [one]);

export const usageBatch = z
  .array(usageInput)
  .min(1, 'must hold at least one record')
  .max(MAX_BATCH, `must hold at most ${MAX_BATCH} records`);

export const billingEventInput = z.object({
  userId: uuidOf('User'),
  type: oneOf(BILLING_EVENTS),
  data: jsonObject.nullish().transform((data) => data ?? {}),
  timestamp: past,
});

export const cancelInput = z.object({ ifUpdatedAt: z.date().nullish().transform(absent) });
