import { expect, it } from 'vitest';
import { createEventPump } from '../../../src/modules/executions/event-pump.ts';
import type { EventInput } from '../../../src/platform/feed/events.ts';

const line = (message: string): EventInput => ({
  type: 'log',
  payload: { level: 'info', message, source: 'stdout' },
});
const progress = (percent: number): EventInput => ({ type: 'progress', payload: { percent } });

const fail = (error: unknown): void => {
  throw error;
};

it('writes what has gathered in one batch, with the newest progress alone', async () => {
  const batches: (readonly EventInput[])[] = [];
  const pump = createEventPump(async (events) => void batches.push(events), fail);
  await pump.add([line('a'), progress(1)]);
  await pump.add([progress(2), line('b')]);
  await pump.flush();
  expect(batches).toEqual([[line('a'), progress(2), line('b')]]);
});

it('writes without being told to, one batch at a time, none above 200 events', async () => {
  const sizes: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let busy = 0;
  let most = 0;
  const pump = createEventPump(async (events) => {
    busy += 1;
    most = Math.max(most, busy);
    sizes.push(events.length);
    await Promise.resolve();
    busy -= 1;
    if (sizes.reduce((sum, size) => sum + size, 0) === 450) resolve();
  }, fail);
  await pump.add(Array.from({ length: 450 }, (_, i) => line(`${i}`)));
  await promise;
  expect(sizes).toEqual([200, 200, 50]);
  expect(most).toBe(1);
});

it('makes whoever adds wait while the database is slow', async () => {
  const database = Promise.withResolvers<void>();
  const pump = createEventPump(() => database.promise, fail);
  await pump.add([line('x'.repeat(1000))]);
  let hasRoom = false;
  const adding = pump.add([line('x'.repeat(2 * 1024 * 1024))]).then(() => {
    hasRoom = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(hasRoom).toBe(false);
  database.resolve();
  await adding;
  await pump.flush();
});

it('tells of a failed write, drops what waits, and waits for nobody any more', async () => {
  const failure = new Error('the stream is closed');
  const told: unknown[] = [];
  const pump = createEventPump(
    () => Promise.reject(failure),
    (error) => told.push(error),
  );
  await pump.add([line('a')]);
  await expect(pump.flush()).rejects.toBe(failure);
  await pump.add([line('x'.repeat(4 * 1024 * 1024))]);
  await expect(pump.flush()).rejects.toBe(failure);
  expect(told).toEqual([failure]);
});
