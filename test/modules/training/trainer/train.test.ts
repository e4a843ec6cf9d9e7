import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkpointPath } from '../../../../src/modules/training/trainer/checkpoint.ts';
import { readRun } from '../../../../src/modules/training/trainer/run-file.ts';
import { train } from '../../../../src/modules/training/trainer/train.ts';
import { counting, type JsonLine, lossesOf, preferences, readResult, runFolder } from './support.ts';

/** Trains in this process; `stopAt` is the step after which it is asked to stop. */
async function trainIn(folder: string, stopAt = Number.POSITIVE_INFINITY) {
  const events: JsonLine[] = [];
  const texts: string[] = [];
  const output = {
    event: async (fields: JsonLine) => {
      events.push(fields);
    },
    line: async (text: string) => {
      texts.push(text);
    },
  };
  const shouldStop = () => events.some((event) => event.type === 'metric' && Number(event.step) >= stopAt);
  const result = await train(await readRun(folder), { output, shouldStop });
  return { events, texts, result };
}

test('the same seed gives the same losses to the last bit, another seed does not', async () => {
  const losses = async (seed: number) =>
    lossesOf((await trainIn(await runFolder({ hyperparameters: { seed } }))).events);
  const first = await losses(1);
  expect(first).toHaveLength(40);
  expect(await losses(1)).toEqual(first);
  expect(await losses(2)).not.toEqual(first);
});

test('a run ends with a result, a model and progress 100', async () => {
  const folder = await runFolder();
  const { events, result } = await trainIn(folder);
  expect(events.filter((event) => event.type === 'metric').at(-1)).toMatchObject({
    step: 40,
    total_steps: 40,
    progress: 100,
    etaSeconds: 0,
  });
  expect(events.filter((event) => event.type === 'eval').length).toBeGreaterThanOrEqual(10);
  expect(result?.model_path).toBe(join(folder, 'output/model.json'));
  expect(await readResult(folder)).toMatchObject({
    model_path: result?.model_path,
    metrics: { steps: 40, final_loss: lossesOf(events).at(-1)?.[1], unigram_entropy: expect.any(Number) },
  });
});

test.each([
  ['sft', 17, counting],
  ['dpo', 17, preferences],
  ['dpo', 25, preferences],
  ['dpo', 50, preferences],
] as const)('%s stopped after step %i goes on with the losses of an uninterrupted run', async (method, stopAt, lines) => {
  const options = { method, lines, hyperparameters: { sft_steps: 25, pair_batch_size: 2 } };
  const whole = await runFolder(options);
  const broken = await runFolder(options);
  const expected = await trainIn(whole);
  const before = await trainIn(broken, stopAt);
  expect(before.result).toBeUndefined();
  const after = await trainIn(broken);
  expect(after.texts).toContain(`Going on from the checkpoint at step ${stopAt}`);
  expect([...lossesOf(before.events), ...lossesOf(after.events)]).toEqual(lossesOf(expected.events));
  expect((await readResult(broken)).metrics).toEqual((await readResult(whole)).metrics);
});

test('a run that was over but for its last files is finished from the checkpoint', async () => {
  const folder = await runFolder();
  await trainIn(folder);
  const first = await readResult(folder);
  const { events, texts } = await trainIn(folder);
  expect(lossesOf(events)).toEqual([]);
  expect(texts).toContain('Going on from the checkpoint at step 40');
  expect(await readResult(folder)).toEqual(first);
});

test.each([
  ['damaged', (text: string) => text.slice(0, -40)],
  ['with a flipped figure', (text: string) => text.replace('"step":20', '"step":19')],
])('a checkpoint that is %s is named and left alone, and the run starts over', async (_name, change) => {
  const folder = await runFolder();
  await trainIn(folder, 20);
  const path = checkpointPath(folder);
  const text = await readFile(path, 'utf8');
  expect(change(text)).not.toBe(text);
  await writeFile(path, change(text));
  const { events, texts } = await trainIn(folder);
  expect(texts.join('\n')).toMatch(/WARNING: the checkpoint found is not taken up: .*starting at step 0/);
  expect(lossesOf(events)).toHaveLength(40);
});

test('a checkpoint over other data is not taken up', async () => {
  const folder = await runFolder();
  await trainIn(folder, 20);
  await writeFile(
    join(folder, 'datasets/0.jsonl'),
    counting.map((line) => JSON.stringify({ ...line, prompt: `${line.prompt}!` })).join('\n'),
  );
  expect(lossesOf((await trainIn(folder)).events)).toHaveLength(40);
});

test('dpo learns to prefer the chosen answers to the rejected ones, held-out pairs included', async () => {
  const hyperparameters = { sft_steps: 30, steps: 30, dpo_learning_rate: 0.003 };
  const { events, result } = await trainIn(
    await runFolder({ method: 'dpo', lines: preferences, hyperparameters }),
  );
  const steps = events.filter((event) => event.type === 'metric' && event.phase === 'dpo');
  expect(steps[0]).toMatchObject({ loss: Math.log(2), reward_margin: 0, step: 31, total_steps: 60 });
  expect(result?.metrics).toMatchObject({ reward_accuracy: 1, eval_reward_accuracy: 1 });
  expect(result?.metrics.eval_reward_margin).toBeGreaterThan(0.5);
  expect(result?.metrics.eval_loss).toBeLessThan(0.5);
});

test('dpo without preference pairs is refused, and so are settings that would make a step take seconds', async () => {
  await expect(trainIn(await runFolder({ method: 'dpo' }))).rejects.toMatchObject({
    code: 'bad_dataset',
    message: expect.stringContaining('preference pairs'),
  });
  const huge = { context: 64, embedding_dim: 64, hidden_dim: 512 };
  await expect(trainIn(await runFolder({ hyperparameters: huge }))).rejects.toThrow(/hidden_dim/);
  const wide = { context: 32, hidden_dim: 256, batch_size: 4096 };
  await expect(trainIn(await runFolder({ hyperparameters: wide }))).rejects.toThrow(/batch_size/);
});

test('one record is refused, since one must be held out, and so are duplicates of one', async () => {
  const [line] = counting;
  await expect(trainIn(await runFolder({ lines: [line, line] }))).rejects.toThrow(/two different records/);
});

test('with train_on_inputs false the prompts do not count', async () => {
  const hyperparameters = { train_on_inputs: false };
  const lines = [
    { messages: [{ role: 'user', content: 'a' }] },
    { messages: [{ role: 'user', content: 'b' }] },
  ];
  const folder = await runFolder({ lines, format: 'chatml', hyperparameters });
  await expect(trainIn(folder)).rejects.toThrow(/no answers to train on/);
  const all = lossesOf((await trainIn(await runFolder())).events);
  expect(lossesOf((await trainIn(await runFolder({ hyperparameters }))).events)).not.toEqual(all);
});

test('hyperparameters of other trainers are named in the output', async () => {
  const { texts } = await trainIn(await runFolder({ hyperparameters: { lora_r: 16 } }));
  expect(texts.join('\n')).toContain('no use for: lora_r');
});
