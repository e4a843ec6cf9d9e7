import { expect, it } from 'vitest';
import { loseListener } from '../../support/outages/listener-loss.ts';

it.each([
  1, 4,
])('misses nothing of what %i write while the listening connection is ended 100 times', async (writers) => {
  const { acknowledged, backAfterMs, ...wrong } = await loseListener({ times: 100, writers });
  expect(wrong).toEqual({ failed: 0, lost: [], faults: [] });
  const slowest = Math.round(Math.max(...backAfterMs));
  process.stdout.write(`${acknowledged} lines; listening again after ${slowest} ms at most\n`);
  expect(slowest).toBeLessThan(5_000);
});
