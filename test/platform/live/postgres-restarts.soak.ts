import { expect, it } from 'vitest';
import { openRestarts } from '../../support/outages/postgres-restarts.ts';

const TIMES = 10;

it('loses nothing through restarts of Postgres, fast and immediate in turn', async () => {
  await using restarts = await openRestarts();
  const readyAfterMs: number[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    readyAfterMs.push(await restarts.restart('fast'), await restarts.restart('immediate'));
  }
  const { acknowledged, failed, lost, faults } = await restarts.finish();
  const slowest = Math.round(Math.max(...readyAfterMs));
  process.stdout.write(`${acknowledged} lines, ${failed} writes failed; ready after ${slowest} ms at most\n`);
  expect(slowest).toBeLessThan(10_000);
  expect(restarts.isAlive()).toBe(true);
  expect({ lost, faults }).toEqual({ lost: [], faults: [] });
});
