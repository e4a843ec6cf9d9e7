import { expect, it } from 'vitest';
import { loseListener } from '../../support/outages/listener-loss.ts';

// The full hundred times are in listener-loss.soak.ts.
it.each([
  1, 4,
])('misses nothing of what %i write while the listening connection is ended', async (writers) => {
  const { acknowledged, backAfterMs, ...wrong } = await loseListener({ times: 5, writers });
  expect(wrong).toEqual({ failed: 0, lost: [], faults: [] });
  expect(acknowledged).toBeGreaterThan(5);
  expect(Math.max(...backAfterMs)).toBeLessThan(5_000);
});
