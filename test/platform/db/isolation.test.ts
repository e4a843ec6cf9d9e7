import { expect, it } from 'vitest';
import { provesIsolation } from './isolation-workload.ts';

it('keeps 100 users over a pool of 2 apart, whatever fails, is aborted or comes too late', async () => {
  const counts = await provesIsolation(2_000, 1);
  expect(Object.keys(counts)).toHaveLength(14);
});
