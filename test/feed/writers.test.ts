import { expect, it } from 'vitest';
import { runFeedWriters } from '../support/feed-writers.ts';
import { createTestDatabase } from '../support/postgres.ts';

// The full 30 seconds are in writers.soak.ts.
it('loses, doubles and reorders nothing under 16 writers by every way in and 8 readers', async () => {
  await using database = await createTestDatabase();
  const report = await runFeedWriters(database.admin, 3_000);
  expect(report.faults).toEqual([]);
  expect(report.lines).toBeGreaterThan(500);
  expect(report.rolledBack).toBeGreaterThan(10);
  expect(report.streamsEnded).toBeGreaterThan(0);
});
