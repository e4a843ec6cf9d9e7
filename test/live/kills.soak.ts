import { expect, it } from 'vitest';
import { openKills } from '../support/live/kills.ts';

const WATCHERS = 1_000;
const KILLS = 20;

it.each([
  'lean',
  'published',
] as const)('loses, doubles and reorders nothing for 1,000 watchers of 50 runs through twenty kills -9, by the %s client', async (client) => {
  const kills = await openKills({ watchers: WATCHERS, runs: 50, linesPerSecond: 200, client });
  try {
    const seconds: number[] = [];
    for (let i = 1; i <= KILLS; i += 1) {
      const live = await kills.kill();
      seconds.push(live);
      process.stdout.write(`${client}, kill ${i} of ${KILLS}: everybody live after ${live.toFixed(1)} s\n`);
    }
    const { closes, received, expected, ...faults } = await kills.finish();
    const lost = closes.filter(({ wasLive }) => wasLive);
    process.stdout.write(
      `${client}: live again after at most ${Math.max(...seconds).toFixed(1)} s; ${lost.length} connections lost, ` +
        `${received} of ${expected} events received; ${JSON.stringify(faults)}\n`,
    );
    expect(faults).toEqual({ lost: 0, doubled: 0, reordered: 0, altered: 0, refused: {} });
    expect(received).toBe(expected);
    expect(Math.max(...seconds)).toBeLessThan(10);
    // Each kill cuts off those of one of two processes.
    expect(lost.length).toBeGreaterThan((WATCHERS * KILLS) / 2);
  } finally {
    await kills.close();
  }
});
