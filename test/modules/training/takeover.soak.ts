import { expect, it } from 'vitest';
import { type Lane, openLane } from '../../support/takeover.ts';

const REPETITIONS = 20;
const FREEZE_MS = 30_000;
/** Pairs of workers at work at the same time, so that twenty freezes of 30 s do not take ten minutes. */
const LANES = 4;

async function repeat(round: (lane: Lane) => Promise<number>): Promise<number[]> {
  const lanes = await Promise.all(Array.from({ length: LANES }, openLane));
  const seconds: number[] = [];
  try {
    await Promise.all(
      lanes.map(async (lane) => {
        for (let i = 0; i < REPETITIONS / LANES; i += 1) seconds.push(await round(lane));
      }),
    );
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  return seconds;
}

it.each([
  ['kill -9', (lane: Lane) => lane.kill()],
  ['SIGSTOP for 30 s', (lane: Lane) => lane.freeze(FREEZE_MS)],
])('is taken over within 20 s after %s of its worker, twenty times', async (name, round) => {
  const seconds = await repeat(round);
  const shown = seconds.map((value) => value.toFixed(1)).join(' ');
  process.stdout.write(
    `${name}: taken over after ${shown} s; at most ${Math.max(...seconds).toFixed(1)} s\n`,
  );
  expect(seconds).toHaveLength(REPETITIONS);
  expect(Math.max(...seconds)).toBeLessThan(20);
});
