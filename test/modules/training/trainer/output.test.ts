import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createOutput, flush } from '../../../../src/modules/training/trainer/output.ts';

/** A reader that takes a line only when told to. */
function slowReader() {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      taken.push(String(chunk));
      waiting.push(done);
    },
  });
  return { stream, taken, takeOne: () => waiting.shift()?.() };
}

test('a call waits until the reader has caught up', async () => {
  const { stream, taken, takeOne } = slowReader();
  const output = createOutput(stream, new AbortController().signal);
  let caughtUp = false;
  const written = output.event({ type: 'metric', step: 1 }).then(() => {
    caughtUp = true;
  });
  await setImmediate();
  expect([taken, caughtUp]).toEqual([['{"type":"metric","step":1}\n'], false]);
  takeOne();
  await written;
  expect(caughtUp).toBe(true);
});

test('once stopped, neither the call that waits nor the next ones nor the end wait for a reader that hangs', async () => {
  const { stream } = slowReader();
  const stop = new AbortController();
  const output = createOutput(stream, stop.signal);
  const waiting = output.line('one');
  stop.abort('SIGTERM');
  await waiting;
  await output.line('two');
  await flush(stream, 1);
  expect(stream.writableLength).toBeGreaterThan(0);
});

test('a stream that failed makes the next call fail with its reason', async () => {
  const { stream } = slowReader();
  stream.on('error', () => {});
  const output = createOutput(stream, new AbortController().signal);
  const waiting = output.line('one');
  stream.destroy(new Error('EPIPE'));
  await expect(waiting).rejects.toThrow('EPIPE');
  await expect(output.line('two')).rejects.toThrow('EPIPE');
});
