import { z } from 'zod';
import { text } from '../../../graphql/validation.ts';
import { milliseconds, vocabulary, whole } from '../../../platform/shapes.ts';
import { BACKOFFS } from '../vocabulary.ts';
import { uuid } from './pieces.ts';

/** How a step that failed is tried again: of one step, or of all that say nothing themselves. */
export const retry = z
  .object({
    enabled: z
      .boolean({ error: 'must be true or false' })
      .optional()
      .describe('Whether at all. Default: true.'),
    maxAttempts: whole(1, 10).optional().describe('Tries in all, 1 to 10. Default: 3.'),
    backoff: vocabulary('WorkflowBackoff', 'How the delay between tries grows.', BACKOFFS)
      .optional()
      .describe('How the delay grows. Default: EXPONENTIAL.'),
    initialDelay: milliseconds().optional().describe('Milliseconds before the second try. Default: 1,000.'),
    maxDelay: milliseconds().optional().describe('Milliseconds that no delay exceeds. Default: 60,000.'),
    fallbackAgent: uuid.optional().describe('The agent that an agent step runs when all tries failed.'),
    fallbackStrategy: text(100).optional().describe('How to fall back, as programs agree on it.'),
  })
  .superRefine(({ initialDelay, maxDelay }, { addIssue }) => {
    if (initialDelay === undefined || maxDelay === undefined || initialDelay <= maxDelay) return;
    addIssue({ code: 'custom', path: ['maxDelay'], message: 'must not be less than initialDelay' });
  })
  .meta({ title: 'WorkflowRetry', description: 'How a step that failed is tried again.' });
