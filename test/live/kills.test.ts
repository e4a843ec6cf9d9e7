import { expect, it } from 'vitest';
import { openKills } from '../support/live/kills.ts';

// The full thousand watchers and twenty kills are in kills.soak.ts.
const WATCHERS = 60;

it.each([
  'lean',
  'published',
] as const)('loses, doubles and reorders nothing for those whose api process is killed -9, by the %s client', {
  timeout: 240_000,
}, async (client) => {
  const kills = await openKills({ watchers: WATCHERS, runs: 5, linesPerSecond: 100, client });
  try {
    for (const _kill of ['one', 'the other']) expect(await kills.kill()).toBeLessThan(10);
    const { closes, received, expected, ...faults } = await kills.finish();
    const lost = closes.filter(({ wasLive }) => wasLive);
    expect(faults).toEqual({ lost: 0, doubled: 0, reordered: 0, altered: 0, refused: {} });
    expect(received).toBe(expected);
    // Half of them at the first, all of them at the second.
    expect(lost.length).toBeGreaterThan(WATCHERS);
  } finally {
    await kills.close();
  }
});
