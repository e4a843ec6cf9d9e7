import { z } from 'zod';
import { builder } from '../../graphql/builder.ts';

const stored = z.looseObject({
  model_path: z.string().optional().catch(undefined),
  model_id: z.string().optional().catch(undefined),
  metrics: z.record(z.string(), z.unknown()).optional().catch(undefined),
  openai_fine_tuned_model: z.string().optional().catch(undefined),
  openai_job_id: z.string().optional().catch(undefined),
});

export type TrainingResult = z.infer<typeof stored>;

/** What a run's result says; null where there is none. Others write that column too: what does not fit is left out. */
export function resultOf(result: unknown): TrainingResult | null {
  const parsed = stored.safeParse(result);
  return parsed.success ? parsed.data : null;
}

export const TrainingResultRef = builder.objectRef<TrainingResult>('TrainingResult').implement({
  description: 'What came out of a training run.',
  fields: (t) => ({
    modelPath: t.string({
      nullable: true,
      description: 'Where the model is, below the data folder of the worker that trained it.',
      resolve: (result) => result.model_path ?? null,
    }),
    modelId: t.string({
      nullable: true,
      description: 'The model’s id at its provider.',
      resolve: (result) => result.model_id ?? null,
    }),
    metrics: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The final figures by name, e.g. {"heldOutLoss": 1.9}.',
      resolve: (result) => result.metrics ?? null,
    }),
    openaiFineTunedModel: t.string({
      nullable: true,
      description: 'The model’s name at OpenAI.',
      resolve: (result) => result.openai_fine_tuned_model ?? null,
    }),
    openaiJobId: t.string({
      nullable: true,
      description: 'OpenAI’s job.',
      resolve: (result) => result.openai_job_id ?? null,
    }),
    raw: t.field({ type: 'JSON', description: 'All of it, as it is stored.', resolve: (result) => result }),
  }),
});
