import { z } from 'zod';
import { absent, isStorable, uuidOf } from '../../graphql/validation.ts';

/** Shorter ones could not be told from other text, and blotting them out of logs would say what they are. */
const SHORTEST = 8;
/** A certificate with its chain and key. */
const LONGEST = 16_384;

export const secretInput = z.object({
  tenantId: uuidOf('Tenant').nullish().transform(absent),
  name: z
    .string({ error: 'must be text' })
    .regex(
      /^[A-Za-z_][A-Za-z0-9_]{0,99}$/,
      'must be 1 to 100 letters, digits and underscores, no digit first',
    ),
  value: z
    .string({ error: 'must be text' })
    .min(SHORTEST, `must have at least ${SHORTEST} characters`)
    .max(LONGEST, `must have at most ${LONGEST} characters`)
    .refine(isStorable, 'must not contain U+0000 or broken characters'),
});
