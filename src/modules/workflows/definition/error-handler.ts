import { z } from 'zod';
import { notObject, vocabulary } from '../../../platform/shapes.ts';
import { ERROR_STRATEGIES } from '../vocabulary.ts';

/** What happens when a step has failed for good and says nothing else about it. */
export const errorHandler = z
  .object(
    {
      strategy: vocabulary(
        'WorkflowErrorStrategy',
        'What happens when a step has failed for good.',
        ERROR_STRATEGIES,
      ).describe('What happens.'),
      notification: z
        .boolean({ error: 'must be true or false' })
        .optional()
        .describe('Whether whoever started the execution is told. Default: false.'),
    },
    notObject,
  )
  .meta({
    title: 'WorkflowErrorHandler',
    typeDescription: 'What happens when a step has failed for good and says nothing else about it.',
  });
