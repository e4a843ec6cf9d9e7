import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runStalledReaders } from '../support/live/stalled-readers.ts';

const READERS = 100;
const RETURNING = 10;

it('keeps its memory and a fast reader’s p99 while 100 readers of 2,000 events/s stop for two minutes', async () => {
  const report = await runStalledReaders({
    ...{ readers: READERS, returning: RETURNING, eventsPerSecond: 2_000, lineBytes: 100 },
    ...{ seconds: { alone: 20, stalled: 120 }, stalledSeconds: 30, returnAfterSeconds: 60 },
    progress: (line) => process.stdout.write(`stalled readers: ${line}\n`),
  });
  process.stdout.write(`stalled readers: ${JSON.stringify(report)}\n`);
  const { memory, p99, fast, returned, codes } = report;
  const none = { lost: 0, doubled: 0, reordered: 0, altered: 0 };
  expect(fast).toMatchObject({ ...none, received: fast.expected });
  expect(returned).toMatchObject({ ...none, received: returned.expected });
  // Beyond this it is no jitter of a shared machine.
  expect(p99.during).toBeLessThan(p99.before * 1.5 + 20);
  expect(codes.soon).toEqual({ 4499: RETURNING });
  if (existsSync('/proc/self/status')) expect(memory.most - memory.before).toBeLessThan(100);
  else process.stdout.write('stalled readers: memory is not looked at, there is no /proc here\n');
});
