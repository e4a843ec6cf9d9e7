import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { datasetFormats, type RunFile } from '../../../../src/modules/training/trainer/run-file.ts';
import { repository, runTrainer, temporaryFolder } from './support.ts';

export const examplesFolder = join(repository, 'examples');

const exampleSchema = z.strictObject({
  publicId: z.string(),
  name: z.string(),
  isPublic: z.boolean(),
  config: z.strictObject({
    model: z.strictObject({ name: z.string() }),
    training: z.strictObject({ method: z.enum(['sft', 'dpo']) }),
    hyperparameters: z.record(z.string(), z.number()),
  }),
  datasets: z
    .array(z.strictObject({ name: z.string(), format: z.enum(datasetFormats), file: z.string() }))
    .min(1),
});
export type Example = z.output<typeof exampleSchema>;

export async function readExamples(): Promise<Example[]> {
  const files = (await readdir(join(examplesFolder, 'configs'))).sort();
  return Promise.all(
    files.map(async (file) => {
      const example = exampleSchema.parse(
        JSON.parse(await readFile(join(examplesFolder, 'configs', file), 'utf8')),
      );
      if (`${example.publicId}.json` !== file) throw new Error(`${file} holds ${example.publicId}`);
      return example;
    }),
  );
}

/** Trains the example as shipped, but for the hyperparameters given; returns its result's metrics. */
export async function trainExample(example: Example, overrides: Readonly<Record<string, number>> = {}) {
  const folder = await temporaryFolder();
  const { config, datasets, publicId } = example;
  const run: RunFile = {
    executionId: `exec_${publicId}`,
    attempt: 1,
    method: config.training.method,
    config: { ...config, hyperparameters: { ...config.hyperparameters, ...overrides } },
    datasets: datasets.map(({ name, format, file }) => ({ name, format, path: join(examplesFolder, file) })),
    outputDir: 'output',
  };
  await writeFile(join(folder, 'run.json'), JSON.stringify(run));
  const { code, stderr } = await runTrainer('train', '--run', folder);
  if (code !== 0) throw new Error(`the trainer ended with ${code}: ${stderr}`);
  return JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')).metrics as Record<string, number>;
}
