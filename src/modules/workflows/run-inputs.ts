import { z } from 'zod';
import { jsonObject, text, uuidOf } from '../../graphql/validation.ts';
import { PRIORITIES } from '../../platform/feed/feed.ts';
import { uuid } from '../steps/definition/pieces.ts';

const idempotencyKey = text(200).nullish();

export const runInput = z.object({
  workflowId: uuidOf('Workflow'),
  input: jsonObject.nullish().transform((input) => input ?? {}),
  priority: z
    .enum(PRIORITIES)
    .nullish()
    .transform((priority) => priority ?? ('normal' as const)),
  idempotencyKey,
});

export type RunInput = z.infer<typeof runInput>;

export const rerunInput = z.object({ idempotencyKey });

export const fromStepInput = z.object({ stepId: uuid, idempotencyKey });

export const reasonInput = z.object({ reason: text(1_000).nullish() });

export const decisionInput = z.object({
  stepId: uuid,
  decision: z.enum(['approved', 'rejected'], { error: 'must be approved or rejected' }),
  comment: text(2_000).nullish(),
});
