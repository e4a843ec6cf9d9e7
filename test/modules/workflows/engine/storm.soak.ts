import { expect, it } from 'vitest';
import { runStorm } from './storms.ts';

it('ends 100 random workflows of up to 100 steps with each effect done once, a worker killed every 3 s', async () => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
  const progress = (line: string) => process.stdout.write(`workflow storm: ${line}\n`);
  progress(`seed ${seed}`);
  const storm = await runStorm({ seed, workflows: 100, steps: 100, killEveryMs: 3_000, progress });
  const { faults, statuses, takeovers, stepRuns, calls, kills } = storm;
  const longest = Math.max(0, ...takeovers);
  progress(JSON.stringify({ seed, statuses, stepRuns, calls, kills, takeovers: takeovers.length, longest }));
  expect(faults).toEqual([]);
  expect(statuses).toEqual({ completed: 100 });
  expect(kills).toBeGreaterThan(0);
  expect(longest).toBeLessThan(20);
});
