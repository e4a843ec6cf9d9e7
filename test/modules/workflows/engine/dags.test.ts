import { expect, it } from 'vitest';
import { seededRandom } from '../../../support/random.ts';
import { randomDag } from './dags.ts';

it('has as many steps as it may at most, those in loops and branches counted', () => {
  const sizes = Array.from({ length: 2_000 }, (_, seed) => {
    const { steps, expected } = randomDag(seededRandom(seed), { most: 20, url: 'http://localhost' });
    expect(expected.size).toBe(steps.length);
    return steps.length;
  });
  expect(Math.max(...sizes)).toBe(20);
  expect(Math.min(...sizes)).toBe(1);
});
