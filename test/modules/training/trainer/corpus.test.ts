import { expect, test } from 'vitest';
import {
  createCorpus,
  createStream,
  unigramEntropy,
} from '../../../../src/modules/training/trainer/corpus.ts';
import { readHyperparameters } from '../../../../src/modules/training/trainer/hyperparameters.ts';
import { randomFromSeed } from '../../../../src/modules/training/trainer/random.ts';
import type { TrainingRecord } from '../../../../src/modules/training/trainer/records.ts';
import {
  decodeToken,
  learnVocabulary,
  token,
  vocabularyOf,
} from '../../../../src/modules/training/trainer/vocabulary.ts';

const record = (text: string): TrainingRecord => ({
  turns: [
    { role: 'system', text: 's' },
    { role: 'user', text: 'u' },
    { role: 'assistant', text },
  ],
});
const vocabulary = vocabularyOf(['a', 's', 'u', '🚀']);

function predicted(predict: 'everything' | 'answers' | 'text', text = 'a🚀?'): string[] {
  const { tokens, positions } = createStream(vocabulary, [record(text)], { context: 2, predict });
  expect([...tokens.slice(0, 2)]).toEqual([token.pad, token.pad]);
  return Array.from(positions, (position) => {
    const id = tokens[position] ?? -1;
    return id === token.end ? 'end' : decodeToken(vocabulary, id);
  });
}

test('everything, answers or text is predicted; system messages are no text', () => {
  expect(predicted('everything')).toEqual(['\n', 's', '\n', 'u', '\n', 'a', '🚀', '\ufffd', 'end']);
  expect(predicted('answers')).toEqual(['a', '🚀', '\ufffd', 'end']);
  expect(predicted('text')).toEqual(['u', 'a', '🚀', '\ufffd']);
});

test('unigram entropy is that of the predicted characters', () => {
  const entropy = (text: string) =>
    unigramEntropy(createStream(vocabulary, [record(text)], { context: 2, predict: 'text' }));
  expect(entropy('a')).toBeCloseTo(Math.log(2), 12);
  expect(entropy('uuu')).toBe(0);
  expect(entropy('auua🚀🚀🚀s')).toBeCloseTo(
    -(2 / 9) * Math.log(2 / 9) - (6 / 9) * Math.log(3 / 9) - Math.log(1 / 9) / 9,
    12,
  );
});

test('equal records are trained on or held out together, and the vocabulary knows nothing of what is held out', () => {
  const records = Array.from('abcdefghijklmnopqrst', (letter) => [record(letter), record(letter)]).flat();
  const { hyperparameters } = readHyperparameters({ held_out: 0.2 });
  const corpus = createCorpus(records, hyperparameters, randomFromSeed(1));
  const answers = (side: readonly TrainingRecord[]) => side.map(({ turns }) => turns.at(-1)?.text ?? '');
  const heldOut = new Set(answers(corpus.heldOut));
  expect([corpus.heldOut.length, corpus.training.length, heldOut.size]).toEqual([8, 32, 4]);
  expect(answers(corpus.training).some((answer) => heldOut.has(answer))).toBe(false);
  const unknown = [...heldOut].filter((letter) => !'su'.includes(letter));
  expect(unknown.map((letter) => corpus.vocabulary.encode(letter))).toEqual(unknown.map(() => token.unknown));
});

test('a vocabulary keeps the most frequent characters, code points whole', () => {
  expect(learnVocabulary(['bb🚀🚀🚀', 'ac'], 3).characters).toEqual(['🚀', 'b', 'a']);
});
