import { z } from 'zod';
import { retryPolicy } from '../../executions/shapes.ts';
import { json, uuid } from '../../steps/definition/pieces.ts';
import { errorHandler } from './error-handler.ts';
import { step } from './step.ts';
import { trigger } from './trigger.ts';

export const MAX_STEPS = 100;

/** What of a workflow decides how it runs: of a row of `workflows`, the JSON columns and where to start. */
export const definition = z.object({
  trigger,
  startStepId: uuid,
  steps: z
    .array(step, { error: 'must be a list of steps' })
    .min(1, 'must hold at least one step')
    .max(MAX_STEPS, { error: `must hold at most ${MAX_STEPS} steps`, abort: true }),
  stateSchema: json.optional(),
  initialState: json.optional(),
  globalRetry: retryPolicy.optional(),
  errorHandler: errorHandler.optional(),
});

export type Definition = z.infer<typeof definition>;
