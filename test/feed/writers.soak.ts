import { expect, it } from 'vitest';
import { runFeedWriters } from '../support/feed-writers.ts';
import { createTestDatabase } from '../support/postgres.ts';

it('loses, doubles and reorders nothing under 16 writers by every way in and 8 readers, for 30 s', async () => {
  await using database = await createTestDatabase();
  const { faults, ...figures } = await runFeedWriters(database.admin, 30_000);
  process.stdout.write(`writers: ${JSON.stringify({ ...figures, faults: faults.length })}\n`);
  expect(faults).toEqual([]);
  expect(figures.lines).toBeGreaterThan(5_000);
  expect(figures.refused).toBeGreaterThan(0);
});
