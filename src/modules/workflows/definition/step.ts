import { z } from 'zod';
import { text } from '../../../graphql/validation.ts';
import { notObject, vocabulary } from '../../../platform/shapes.ts';
import { retryPolicy } from '../../executions/shapes.ts';
import { duration, json, uuid } from '../../steps/definition/pieces.ts';
import { stepConfigs } from '../../steps/definition/step-configs.ts';
import type { StepType } from '../../steps/vocabulary.ts';
import { JOINS, ON_ERROR } from '../vocabulary.ts';

const MAX_SUCCESSORS = 100;

/** What of a step's metadata the flow depends on; anything else in it is the client's own, e.g. a place on a canvas. */
const metadata = json.pipe(
  z.looseObject({
    next: z
      .array(uuid, { error: 'must be a list of step ids' })
      .max(MAX_SUCCESSORS, `must hold at most ${MAX_SUCCESSORS}`)
      .optional(),
    join: z.enum(Object.keys(JOINS) as (keyof typeof JOINS)[], { error: 'must be all or any' }).optional(),
    compensate: uuid.optional(),
    saveAs: z
      .string({ error: 'must be text' })
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be a name of letters, digits and underscores')
      .optional(),
  }),
);

export const onError = vocabulary(
  'WorkflowOnError',
  'What happens when all tries of a step have failed.',
  ON_ERROR,
);

/** What every step has, whatever its type. */
export const stepFields = z
  .object(
    {
      id: uuid.describe('A uuid of the client’s making, which other steps name it by.'),
      name: text(200).describe('Its name, for people.'),
      retry: retryPolicy
        .optional()
        .describe('How it is tried again. Default: as the workflow’s globalRetry says.'),
      timeout: duration
        .optional()
        .describe('Milliseconds that a try may take. Default: as the type of step has it.'),
      onError: onError.optional().describe('What happens when all tries have failed. Default: FAIL.'),
      fallbackStepId: uuid.optional().describe('The step that runs in its place where onError is FALLBACK.'),
      metadata: metadata
        .optional()
        .meta({ scalar: 'JSON' })
        .describe(
          'Anything of the client’s own, and for the flow `next` (step ids that follow instead of the next in the ' +
            'list; several run in parallel), `join` (all or any), `compensate` (the step that undoes this one) and `saveAs` ' +
            '(the name in the shared state under which its output is kept).',
        ),
    },
    notObject,
  )
  .meta({ title: 'WorkflowStep', typeDescription: 'A step of a workflow.' });

const typed = <Type extends StepType, Config extends z.ZodType>(type: Type, config: Config) =>
  stepFields.extend({ type: z.literal(type), config });

/** A step as it is stored: `{"id", "name", "type", "config", …}`. */
export const step = z.discriminatedUnion(
  'type',
  [
    typed('transform', stepConfigs.transform),
    typed('match', stepConfigs.match),
    typed('reconcile', stepConfigs.reconcile),
    typed('api', stepConfigs.api),
    typed('database', stepConfigs.database),
    typed('generate', stepConfigs.generate),
    typed('agent', stepConfigs.agent),
    typed('condition', stepConfigs.condition),
    typed('loop', stepConfigs.loop),
    typed('delay', stepConfigs.delay),
    typed('human', stepConfigs.human),
    typed('notification', stepConfigs.notification),
    typed('webhook', stepConfigs.webhook),
    typed('training', stepConfigs.training),
  ],
  { error: `must be one of ${Object.keys(stepConfigs).join(', ')}` },
);

export type Step = z.infer<typeof step>;
export type StepOf<Type extends StepType> = Extract<Step, { type: Type }>;
