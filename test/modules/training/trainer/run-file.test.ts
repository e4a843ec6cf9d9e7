import { expect, test } from 'vitest';
import { parseRun, readRun } from '../../../../src/modules/training/trainer/run-file.ts';
import { temporaryFolder } from './support.ts';

const valid = {
  executionId: 'exec_1',
  attempt: 1,
  method: 'sft',
  config: { model: { name: 'm' }, hyperparameters: { steps: 10 } },
  datasets: [{ name: 'd', format: 'chatml', path: 'datasets/0.jsonl' }],
  outputDir: 'output',
};

test('paths are resolved in the run folder and defaults filled in', () => {
  expect(parseRun('/runs/1', valid)).toMatchObject({
    folder: '/runs/1',
    outputDir: '/runs/1/output',
    datasets: [{ path: '/runs/1/datasets/0.jsonl' }],
    hyperparameters: { steps: 10, batch_size: 128, seed: 1, train_on_inputs: true },
    unusedHyperparameters: [],
  });
});

test("the run's seed comes before the config's, and hyperparameters of other trainers are only named", () => {
  const config = { hyperparameters: { seed: 3, lora_r: 16 } };
  const run = parseRun('/runs/1', { ...valid, seed: 4, config });
  expect(run.hyperparameters.seed).toBe(4);
  expect(run.unusedHyperparameters).toEqual(['lora_r']);
});

test.each([
  ['attempt', { attempt: 0 }, /attempt: /],
  ['method', { method: 'ppo' }, /method: /],
  ['format', { datasets: [{ name: 'd', format: 'csv', path: 'x' }] }, /datasets\.0\.format: /],
  ['no dataset', { datasets: [] }, /datasets: /],
  ['outputDir', { outputDir: undefined }, /outputDir: /],
  [
    'two hyperparameters at once',
    { config: { hyperparameters: { steps: 0, learning_rate: 'fast' } } },
    /config\.hyperparameters\.steps: .*config\.hyperparameters\.learning_rate: /,
  ],
  [
    'a context beyond the bound',
    { config: { hyperparameters: { context: 2048 } } },
    /hyperparameters\.context: .*64/,
  ],
])('a fault is reported by the name of its field: %s', (_name, change, message) => {
  expect(() => parseRun('/runs/1', { ...valid, ...change })).toThrow(message);
});

test('rlhf is refused with what to use instead', () => {
  expect(() => parseRun('/runs/1', { ...valid, method: 'rlhf' })).toThrow(
    expect.objectContaining({ code: 'unsupported_method', message: expect.stringContaining('use dpo') }),
  );
});

test('a folder without run.json is a bad run file, not a crash', async () => {
  const folder = await temporaryFolder();
  await expect(readRun(folder)).rejects.toMatchObject({ code: 'bad_run_file' });
});
