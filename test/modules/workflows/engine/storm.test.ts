import { expect, it } from 'vitest';
import { runStorm } from './storms.ts';

it('ends every workflow with each effect done once, although workers are killed', async () => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
  process.stdout.write(`workflow storm: seed ${seed}\n`);
  const options = { seed, workflows: 8, steps: 20, killEveryMs: 3_000, progress: () => {} };
  const { faults, statuses, takeovers } = await runStorm(options);
  expect(faults).toEqual([]);
  expect(statuses).toEqual({ completed: 8 });
  expect(Math.max(0, ...takeovers)).toBeLessThan(20);
});
