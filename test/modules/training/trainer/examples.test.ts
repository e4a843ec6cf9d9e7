import { expect, test } from 'vitest';
import { readExamples, trainExample } from './examples.ts';

const examples = await readExamples();

test('there is an example of every format and of both methods', () => {
  const formats = examples.flatMap((example) => example.datasets.map((dataset) => dataset.format));
  expect(new Set(formats)).toEqual(new Set(['chatml', 'sharegpt', 'prompt_completion']));
  expect(new Set(examples.map((example) => example.config.training.method))).toEqual(new Set(['sft', 'dpo']));
});

// A share of each run's steps, so that this takes seconds; examples.soak.ts trains them to their end.
test.each(
  examples.map((example) => [example.publicId, example] as const),
)('%s: after a few steps the held-out loss is below the unigram entropy of the held-out text', async (_name, example) => {
  const isDpo = example.config.training.method === 'dpo';
  const metrics = await trainExample(example, { steps: isDpo ? 15 : 50, sft_steps: 100, batch_size: 128 });
  const { language_loss = Number.NaN, unigram_entropy = Number.NaN } = metrics;
  expect(language_loss).toBeLessThan(unigram_entropy - 0.1);
  if (isDpo) {
    expect(metrics).toMatchObject({ eval_reward_accuracy: 1 });
  } else {
    expect(metrics.eval_loss).toBe(language_loss);
  }
});
