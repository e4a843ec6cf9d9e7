import { expect, it } from 'vitest';
import { runStalledReaders } from '../support/live/stalled-readers.ts';

// The hundred readers that stop for two minutes are in stalled-readers.soak.ts.
it('closes who stops reading, which costs the others nothing, and loses nothing for who comes back', {
  timeout: 180_000,
}, async () => {
  const { p99, fast, returned, partings } = await runStalledReaders({
    ...{ readers: 10, returning: 8, eventsPerSecond: 1_000, lineBytes: 2_000 },
    ...{ seconds: { alone: 2, stalled: 11 }, stalledSeconds: 2, returnEverySeconds: 1 },
  });
  const none = { lost: 0, doubled: 0, reordered: 0, altered: 0 };
  expect(fast).toMatchObject({ ...none, received: fast.expected });
  expect(returned).toMatchObject({ ...none, received: returned.expected });
  // One who is held up by the others would be late by the whole stall.
  expect(p99.during).toBeLessThan(p99.before * 3 + 1_000);
  expect(partings.during).toContain(4499);
  expect(partings.after).not.toContain('open');
});
