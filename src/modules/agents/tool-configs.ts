import { z } from 'zod';
import { jsonObject, text } from '../../graphql/validation.ts';
import { notObject } from '../../platform/shapes.ts';
import { uuid } from '../steps/definition/pieces.ts';
import { stepConfigs } from '../steps/definition/step-configs.ts';
import { model } from './shapes.ts';
import type { ToolCategory } from './vocabulary.ts';

/** The `config` of a tool, by its category: that of the step which does the same, where there is one. */
export const toolConfigs = {
  api: stepConfigs.api,
  database: stepConfigs.database,
  transformation: stepConfigs.transform,
  validation: z.object(
    { schema: jsonObject.describe('A JSON schema that the argument `value`, or all of them, must match.') },
    notObject,
  ),
  workflow: z.object(
    { workflowId: uuid.describe('The workflow, which is given the arguments as its input.') },
    notObject,
  ),
  ai: z.object(
    {
      prompt: text(50_000).describe('What the model is told; the arguments follow as JSON.'),
      model: model.optional().describe('Who is asked. Default: whom the agent asks.'),
    },
    notObject,
  ),
} satisfies Record<ToolCategory, z.ZodObject>;

export type ToolConfig<Category extends ToolCategory> = z.infer<(typeof toolConfigs)[Category]>;
