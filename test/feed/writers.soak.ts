import { expect, it } from 'vitest';
import { runFeedWriters } from '../support/feed-writers.ts';
import { createTestDatabase } from '../support/postgres.ts';

it('loses, doubles and reorders nothing under 16 writers by every way in and 8 readers, for 30 s', async ({
  annotate,
}) => {
  await using database = await createTestDatabase();
  const { faults, ...figures } = await runFeedWriters(database.admin, 30_000);
  await annotate(JSON.stringify(figures));
  expect(faults).toEqual([]);
  expect(figures.lines).toBeGreaterThan(5_000);
  expect(figures.refused).toBeGreaterThan(0);
});
