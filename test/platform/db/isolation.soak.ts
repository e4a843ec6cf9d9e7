import { expect, it } from 'vitest';
import { provesIsolation } from './isolation-workload.ts';

it('keeps 100 users over a pool of 2 apart for 20,000 operations', async () => {
  const counts = await provesIsolation(20_000, 2);
  process.stdout.write(`isolation: ${JSON.stringify(counts)}\n`);
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(20_000);
});
