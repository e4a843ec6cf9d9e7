import { expect, it } from 'vitest';
import { LEAST_GAP_MS, openResumeStorms, RUNS_PER_SOCKET, type Stop } from '../support/live/resume-storms.ts';
import type { ResumeBy } from '../support/live/watching-client.ts';

const SOCKETS = 400;
const STOPS = 10;

it.each<ResumeBy>([
  'after',
  'cursors',
])('brings 400 sockets of five subscriptions to the other process ten times, by %s', async (resumeBy) => {
  const storms = await openResumeStorms({ sockets: SOCKETS, users: 20, linesPerSecond: 200, resumeBy });
  try {
    const stops: Stop[] = [];
    for (let i = 1; i <= STOPS; i += 1) {
      const stop = await storms.stop();
      stops.push(stop);
      process.stdout.write(
        `${resumeBy}, stop ${i} of ${STOPS}: ${JSON.stringify(stop.codes)} within ${stop.spreadMs} ms, everybody live after ${stop.seconds.toFixed(1)} s\n`,
      );
    }
    const { closes: _closes, received, expected, ...faults } = await storms.finish();
    process.stdout.write(
      `${resumeBy}: ${SOCKETS * RUNS_PER_SOCKET} subscriptions received ${received} of ${expected} events; ${JSON.stringify(faults)}\n`,
    );
    expect(faults).toEqual({ lost: 0, doubled: 0, reordered: 0, altered: 0, refused: {} });
    expect(received).toBe(expected);
    for (const { exitCode, codes, seconds, gapMs } of stops) {
      expect(exitCode).toBe(0);
      expect(Object.keys(codes)).toEqual(['1001']);
      expect(gapMs).toBeGreaterThan(LEAST_GAP_MS);
      expect(seconds).toBeLessThan(10);
    }
  } finally {
    await storms.close();
  }
});
