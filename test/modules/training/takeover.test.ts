import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lane, openLane } from '../../support/takeover.ts';

let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane?.close());

it('takes over the run of a worker that was killed', async () => {
  expect(await lane.kill()).toBeLessThan(20);
});

it('takes over, and kills the old trainer first, where worker and guard were killed at once', async () => {
  expect(await lane.kill({ withGuard: true })).toBeLessThan(20);
});

it('takes over the run of a worker that was frozen, and what wakes up writes nothing', async () => {
  expect(await lane.freeze(0)).toBeLessThan(20);
});
