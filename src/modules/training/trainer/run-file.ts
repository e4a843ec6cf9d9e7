import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { TrainerInputError } from './errors.ts';
import { type Hyperparameters, readHyperparameters } from './hyperparameters.ts';

export const datasetFormats = ['chatml', 'sharegpt', 'prompt_completion'] as const;
export type DatasetFormat = (typeof datasetFormats)[number];

/**
 * `run.json`, the one file by which a run is handed over. Paths are absolute or relative to the run folder.
 *
 *     { "executionId": "exec_…", "attempt": 1, "method": "sft", "seed": 7,
 *       "config": { "model": { "name": "…" }, "hyperparameters": { "steps": 300 } },
 *       "datasets": [{ "name": "sonnets", "format": "chatml", "path": "datasets/0.jsonl" }],
 *       "outputDir": "output" }
 */
export const runFileSchema = z.object({
  executionId: z.string().min(1),
  /** Counts deliveries of one execution; a later attempt takes up the checkpoint of an earlier one. */
  attempt: z.int().min(1),
  method: z.enum(['sft', 'dpo', 'rlhf']),
  seed: z.int().min(0).optional(),
  config: z.looseObject({
    model: z.looseObject({ name: z.string().optional() }).optional(),
    hyperparameters: z.record(z.string(), z.unknown()).optional(),
  }),
  datasets: z
    .array(z.object({ name: z.string().min(1), format: z.enum(datasetFormats), path: z.string().min(1) }))
    .min(1),
  outputDir: z.string().min(1),
});

/** What whoever starts the trainer writes to `<run folder>/run.json`. */
export type RunFile = z.input<typeof runFileSchema>;

export interface RunDataset {
  readonly name: string;
  readonly format: DatasetFormat;
  /** Absolute. */
  readonly path: string;
}

export interface Run {
  /** Absolute path of the run folder, where the checkpoint and result.json live. */
  readonly folder: string;
  readonly executionId: string;
  readonly attempt: number;
  readonly method: 'sft' | 'dpo';
  readonly modelName: string;
  readonly hyperparameters: Hyperparameters;
  readonly unusedHyperparameters: readonly string[];
  readonly datasets: readonly RunDataset[];
  readonly outputDir: string;
}

/** @throws TrainerInputError naming the field, for what is missing, malformed or out of bounds. */
export async function readRun(folder: string): Promise<Run> {
  const path = join(folder, 'run.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new TrainerInputError('bad_run_file', `${path} cannot be read: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TrainerInputError('bad_run_file', `${path} is not JSON: ${(error as Error).message}`);
  }
  return parseRun(folder, value);
}

export function parseRun(folder: string, value: unknown): Run {
  const parsed = runFileSchema.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
    );
    throw new TrainerInputError('bad_run_file', `run.json: ${faults.join('; ')}`);
  }
  const { executionId, attempt, method, seed, config, datasets, outputDir } = parsed.data;
  if (method === 'rlhf') {
    throw new TrainerInputError(
      'unsupported_method',
      'method: rlhf is not offered by the local trainer; use dpo, which learns from the same preference pairs without a reward model, or sft',
    );
  }
  const { hyperparameters, unused } = readHyperparameters(config.hyperparameters);
  return {
    folder: resolve(folder),
    executionId,
    attempt,
    method,
    modelName: config.model?.name ?? 'character-lm',
    hyperparameters: seed === undefined ? hyperparameters : { ...hyperparameters, seed },
    unusedHyperparameters: unused,
    datasets: datasets.map((dataset) => ({ ...dataset, path: resolve(folder, dataset.path) })),
    outputDir: resolve(folder, outputDir),
  };
}
