import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { countsOf } from '../support/live/stalled-reader.ts';
import { runStalledReaders } from '../support/live/stalled-readers.ts';

it('keeps its memory and a fast reader’s p99 while 100 readers of 2,000 events/s stop for two minutes', async () => {
  const { partings, ...figures } = await runStalledReaders({
    ...{ readers: 100, returning: 15, eventsPerSecond: 2_000, lineBytes: 300 },
    ...{ seconds: { alone: 20, stalled: 120 }, stalledSeconds: 30, returnEverySeconds: 3 },
    progress: (line) => process.stdout.write(`stalled readers: ${line}\n`),
  });
  const { memory, p99, fast, returned } = figures;
  process.stdout.write(
    `stalled readers: ${JSON.stringify({ ...figures, partings: countsOf(partings.after) })}\n`,
  );
  const none = { lost: 0, doubled: 0, reordered: 0, altered: 0 };
  expect(fast).toMatchObject({ ...none, received: fast.expected });
  expect(returned).toMatchObject({ ...none, received: returned.expected });
  // Beyond this it is no jitter of a shared machine.
  expect(p99.during).toBeLessThan(p99.before * 1.5 + 20);
  expect(partings.during).toContain(4499);
  expect(partings.after).not.toContain('open');
  if (existsSync('/proc/self/status')) expect(memory.most - memory.before).toBeLessThan(100);
  else process.stdout.write('stalled readers: memory is not looked at, there is no /proc here\n');
});
