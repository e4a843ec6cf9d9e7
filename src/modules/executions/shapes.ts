import { z } from 'zod';
import { text, uuidOf } from '../../graphql/validation.ts';
import { notObject, usd, vocabulary, whole } from '../../platform/shapes.ts';

/** Shapes of JSON columns that the executions of agents and workflows share. */

export const BACKOFFS = {
  fixed: 'Always the initial delay.',
  linear: 'The initial delay, twice it, three times it, …',
  exponential: 'The initial delay, twice it, four times it, …',
} as const;

export const retryPolicy = z
  .object(
    {
      enabled: z.boolean().default(true).describe('Whether a failure is tried again at all. Default: true.'),
      maxAttempts: whole(1, 10)
        .optional()
        .describe('How often it is tried in all, the first time included: 1 to 10.'),
      backoff: vocabulary('RetryBackoff', 'How the delay before the next attempt grows.', BACKOFFS)
        .optional()
        .describe('How the delay grows.'),
      initialDelay: whole().optional().describe('Milliseconds before the second attempt.'),
      maxDelay: whole().optional().describe('Milliseconds that the delay never exceeds.'),
      fallbackAgent: uuidOf('Agent').optional().meta({
        scalar: 'ID',
        description:
          'The agent that takes over after the last attempt: its row’s id, as arguments take it too.',
      }),
      fallbackStrategy: text(100).optional().describe('What else is done after the last attempt, by name.'),
    },
    notObject,
  )
  .meta({ title: 'RetryPolicy', typeDescription: 'What happens after a failure.' });

export type RetryPolicy = z.infer<typeof retryPolicy>;

export const executionError = z
  .object({
    message: z.string().optional().describe('What went wrong, for people.'),
    name: z.string().optional().describe('The kind of error, e.g. TimeoutError.'),
    code: z.string().optional().describe('The error’s code, for programs.'),
    stack: z.string().optional().describe('Where it was thrown, as the program that ran it wrote it down.'),
  })
  .meta({ title: 'ExecutionError', typeDescription: 'Why an execution failed.' });

export const executionMetrics = z
  .object({
    duration: whole().optional().describe('How long it ran, in milliseconds.'),
    tokenUsage: whole().optional().describe('Tokens used, in and out together.'),
    tokensInput: whole().optional().describe('Tokens read by models.'),
    tokensOutput: whole().optional().describe('Tokens written by models.'),
    cost: usd.optional().describe('What it cost, in US dollars.'),
  })
  .meta({ title: 'ExecutionMetrics', typeDescription: 'What an execution has used.' });
