import { z } from 'zod';
import { jsonValue, oneOf, text, uuidOf } from '../../graphql/validation.ts';
import { PRIORITIES } from '../../platform/feed/feed.ts';
import { DECISIONS } from './vocabulary.ts';

const idempotencyKey = text(200).nullish();

/** What a run is given, at most; some 200 pages of text. */
const MAX_INPUT = 1_000_000;

export const runInput = z.object({
  agentId: uuidOf('Agent'),
  input: jsonValue
    .nullish()
    .transform((input) => input ?? {})
    .refine(
      (input) => JSON.stringify(input).length <= MAX_INPUT,
      `must have at most ${MAX_INPUT} characters as JSON`,
    ),
  tenantId: uuidOf('Tenant').nullish(),
  priority: z
    .enum(PRIORITIES, { error: `must be one of ${PRIORITIES.join(', ')}` })
    .nullish()
    .transform((priority) => priority ?? ('normal' as const)),
  stream: z
    .boolean()
    .nullish()
    .transform((stream) => stream ?? false),
  idempotencyKey,
});

export const retryInput = z.object({ idempotencyKey });

export const cancelInput = z.object({ reason: text(1_000).nullish() });

export const decisionInput = z.object({
  approvalId: uuidOf('AgentApproval'),
  decision: oneOf(DECISIONS),
  comment: text(2_000).nullish(),
});
