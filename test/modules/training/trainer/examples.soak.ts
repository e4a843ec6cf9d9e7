import { expect, test } from 'vitest';
import { readExamples, trainExample } from './examples.ts';

const examples = await readExamples();

test.each(
  examples.map((example) => [example.publicId, example] as const),
)('%s: trained to its end, the held-out loss is well below the unigram entropy of the held-out text', async (name, example) => {
  const { language_loss = Number.NaN, unigram_entropy = Number.NaN } = await trainExample(example);
  process.stdout.write(
    `${name}: held-out loss ${language_loss.toFixed(2)}, unigram entropy ${unigram_entropy.toFixed(2)}\n`,
  );
  expect(language_loss).toBeLessThan(unigram_entropy - 0.5);
});
