import { expect, test } from 'vitest';
import { createDpoPhase } from '../../../../src/modules/training/trainer/dpo.ts';
import {
  accumulate,
  createModel,
  createWorkspace,
  type Model,
  predict,
} from '../../../../src/modules/training/trainer/model.ts';
import { randomFrom, randomFromSeed } from '../../../../src/modules/training/trainer/random.ts';
import { createSftPhase } from '../../../../src/modules/training/trainer/sft.ts';

const shape = { vocabulary: 9, context: 3, embedding: 2, hidden: 5 };
const tokens = Uint16Array.from([0, 0, 0, 4, 7, 8, 5, 8, 7, 2]);

/** The slope of `value` along every weight, by central differences. */
function slopes(model: Model, value: () => number): number[] {
  return Array.from(model.parameters, (weight, index) => {
    const at = (shift: number) => {
      model.parameters[index] = weight + shift;
      return value();
    };
    const slope = (at(1e-5) - at(-1e-5)) / 2e-5;
    model.parameters[index] = weight;
    return slope;
  });
}

function expectClose(gradient: Float64Array, expected: readonly number[]): void {
  expect(gradient.some((slope) => Math.abs(slope) > 0.01)).toBe(true);
  for (const [index, slope] of expected.entries()) expect(gradient[index]).toBeCloseTo(slope, 6);
}

test('the gradient is the slope of the loss along every weight', () => {
  const model = createModel(shape, randomFromSeed(1));
  const work = createWorkspace(shape);
  const gradient = new Float64Array(model.parameters.length);
  predict(model, work, tokens, 6);
  accumulate(model, work, gradient, tokens, 6, 2);
  expectClose(
    gradient,
    slopes(model, () => -2 * predict(model, work, tokens, 6)),
  );
});

test("sft's gradient is the slope of the mean loss of its batch", () => {
  const model = createModel(shape, randomFromSeed(4));
  const stream = { tokens, positions: Int32Array.from([4, 5, 6, 7, 8, 9]) };
  const options = { model, training: stream, heldOut: stream, steps: 1, batchSize: 4, learningRate: 1 };
  const phase = createSftPhase(options);
  const loss = (into: Float64Array) => phase.step(into, randomFromSeed(9)).loss ?? Number.NaN;
  const gradient = new Float64Array(model.parameters.length);
  loss(gradient);
  expectClose(
    gradient,
    slopes(model, () => loss(new Float64Array(model.parameters.length))),
  );
});

test("dpo's gradient is the slope of its loss, away from the reference too", () => {
  const model = createModel(shape, randomFromSeed(2));
  const pair = {
    chosen: { tokens, start: 4 },
    rejected: { tokens: Uint16Array.from([0, 0, 0, 4, 8, 8, 7]), start: 4 },
  };
  const phase = createDpoPhase({
    model,
    training: [pair],
    heldOut: [],
    steps: 1,
    pairBatchSize: 1,
    learningRate: 1,
    beta: 0.5,
  });
  phase.begin();
  for (let i = 0; i < model.parameters.length; i += 3) model.parameters[i] = (model.parameters[i] ?? 0) + 0.3;
  const gradient = new Float64Array(model.parameters.length);
  const random = randomFromSeed(1);
  const loss = (into: Float64Array) => phase.step(into, random).loss ?? Number.NaN;
  loss(gradient);
  expectClose(
    gradient,
    slopes(model, () => loss(new Float64Array(model.parameters.length))),
  );
});

test('a prediction is a distribution over the vocabulary', () => {
  const model = createModel(shape, randomFromSeed(3));
  const work = createWorkspace(shape);
  const logProbability = predict(model, work, tokens, 5);
  expect(work.probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 12);
  expect(Math.exp(logProbability)).toBeCloseTo(work.probabilities[8] ?? Number.NaN, 12);
});

test('the generator goes on from its state, is uniform, and differs from seed to seed', () => {
  const random = randomFromSeed(5);
  for (let i = 0; i < 7; i += 1) random.next();
  const copy = randomFrom(random.state());
  expect(Array.from({ length: 5 }, () => copy.next())).toEqual(
    Array.from({ length: 5 }, () => random.next()),
  );
  const draws = Array.from({ length: 20_000 }, () => random.below(10));
  for (let value = 0; value < 10; value += 1) {
    const share = draws.filter((draw) => draw === value).length / draws.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.01);
  }
  expect(randomFromSeed(6).next()).not.toBe(randomFromSeed(7).next());
});
