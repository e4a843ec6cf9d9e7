import { expect, it } from 'vitest';
import { createTestDatabase } from '../../support/postgres.ts';
import { runUsageWriters } from '../../support/usage-writers.ts';

it('keeps the sums of usage equal to the rows under 8 writers and 2 compactors, for 30 s', async () => {
  await using database = await createTestDatabase();
  const { faults, ...figures } = await runUsageWriters(database.admin, 30_000);
  process.stdout.write(`usage: ${JSON.stringify({ ...figures, faults: faults.length })}\n`);
  expect(faults).toEqual([]);
  expect(figures.committed).toBeGreaterThan(1_000);
});
