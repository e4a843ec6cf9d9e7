import { expect, it } from 'vitest';
import { proveIsolation } from '../support/live/isolation/proof.ts';

const MINUTES = 10;
const seed = Date.now() % 1_000_000;

it(`shows nobody what is not theirs, for ${MINUTES} minutes on 200 streams (seed ${seed})`, async () => {
  const begun = performance.now();
  let shown = 0;
  const report = await proveIsolation({
    ...{ seed, runsPerOwner: 100 },
    isOver(actions) {
      const minutes = (performance.now() - begun) / 60_000;
      if (minutes >= shown + 0.5) {
        shown += 0.5;
        process.stdout.write(`isolation: ${actions} actions in ${minutes.toFixed(1)} of ${MINUTES} min\n`);
      }
      return minutes >= MINUTES;
    },
  });
  process.stdout.write(`isolation (seed ${seed}): ${JSON.stringify(report)}\n`);
  const { leaks, faults, revoked, serverErrors } = report;
  expect(leaks).toEqual({});
  expect(faults).toEqual({});
  expect(revoked.overdue).toBe(0);
  expect(serverErrors).toEqual({});
});
