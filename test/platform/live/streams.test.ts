import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StreamPage } from '../../../src/platform/feed/stream-pages.ts';
import { LiveStats } from '../../../src/platform/live/stats.ts';
import { Streams } from '../../../src/platform/live/streams.ts';
import { settled } from '../../support/hub/held.ts';
import { StoredStream } from '../../support/hub/stored-stream.ts';

/** How often each stream in use is looked at without a wake-up. */
const SLOW_POLL_MS = 2_000;
const GRACE_MS = 10_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The streams of a process over a database that is a map, with the reads of each. */
function open() {
  const database = new Map<string, StoredStream>();
  const reads = new Map<string, number>();
  const unanswered = new Set<string>();
  const streams = new Streams({
    read({ id }, after): Promise<StreamPage | undefined> {
      reads.set(id, readsOf(id) + 1);
      if (unanswered.has(id)) return new Promise(() => {});
      return Promise.resolve(stored(id).read(after));
    },
    limits: { events: 500, bytes: 1e6 },
    graceMs: GRACE_MS,
    stats: new LiveStats(),
  });
  const readsOf = (id: string) => reads.get(id) ?? 0;
  const stored = (id: string) => {
    const found = database.get(id) ?? new StoredStream();
    database.set(id, found);
    return found;
  };
  const hold = (id: string) => streams.hold({ kind: 'training', id }, stored(id).lastSeq);
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      vi.advanceTimersByTime(100);
      await settled();
    }
  };
  return { streams, stored, hold, readsOf, unanswered, pass };
}

const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('the streams of a process', () => {
  it('are one for all who hold the same execution', async () => {
    const { streams, stored, hold, readsOf } = open();
    const held = ids('holder', 5).map(() => hold('a'));
    await settled();
    expect(new Set(held.map(({ stream }) => stream)).size).toBe(1);
    stored('a').append(3);
    streams.hint('training', 'a', 3);
    await settled();
    expect({ reads: readsOf('a'), count: streams.count }).toEqual({ reads: 2, count: 1 });
    streams.close();
  });

  it('tell executions of the same id and different kinds apart', async () => {
    const { streams, hold, readsOf } = open();
    hold('a');
    await settled();
    streams.hint('agent', 'a', 9);
    await settled();
    expect(readsOf('a')).toBe(1);
    streams.close();
  });

  it('read for a holder that has seen more than was heard', async () => {
    const { streams, stored, hold } = open();
    const { stream } = hold('a');
    await settled();
    stored('a').append(2);
    hold('a');
    await settled();
    expect(stream.head).toBe(2);
    streams.close();
  });

  it('are each looked at every two seconds, should a wake-up have been lost', async () => {
    const { streams, stored, hold, pass } = open();
    const { stream } = hold('a');
    await pass(100);
    stored('a').append(1);
    await pass(SLOW_POLL_MS - 200);
    expect(stream.head).toBe(0);
    await pass(300);
    expect(stream.head).toBe(1);
    streams.close();
  });

  it('are not looked at where nobody holds them, nor read for wake-ups', async () => {
    const { streams, stored, hold, readsOf, pass } = open();
    hold('a').release();
    await pass(100);
    stored('a').append(1);
    streams.hint('training', 'a', 1);
    streams.hint('training', 'nobody', 1);
    streams.lookAtAll();
    await pass(2 * SLOW_POLL_MS);
    expect({ a: readsOf('a'), nobody: readsOf('nobody') }).toEqual({ a: 1, nobody: 0 });
    streams.close();
  });

  it('are looked at a part at a time', async () => {
    const { streams, hold, readsOf, pass } = open();
    const all = ids('run', 1_000);
    for (const id of all) hold(id);
    await settled();
    const total = () => all.reduce((sum, id) => sum + readsOf(id), 0);
    await pass(SLOW_POLL_MS - 100);
    let before = total();
    const perTick: number[] = [];
    for (let tick = 0; tick < 20; tick += 1) {
      await pass(100);
      perTick.push(total() - before);
      before = total();
    }
    expect(Math.max(...perTick)).toBeLessThanOrEqual(51);
    for (const id of all) expect(readsOf(id)).toBe(2);
    streams.close();
  });

  it('are looked at however many others have ended and are held all the same', async () => {
    const { streams, stored, hold, pass } = open();
    for (const id of ids('ended', 100)) {
      stored(id).end();
      hold(id);
    }
    const { stream } = hold('going');
    await pass(100);
    stored('going').append(1);
    await pass(2 * SLOW_POLL_MS);
    expect(stream.head).toBe(1);
    streams.close();
  });

  it('are looked at however many others wait for the database', async () => {
    const { streams, stored, hold, unanswered, pass } = open();
    for (const id of ids('waiting', 100)) {
      unanswered.add(id);
      hold(id);
    }
    const { stream } = hold('going');
    await pass(100);
    stored('going').append(1);
    await pass(2 * SLOW_POLL_MS);
    expect(stream.head).toBe(1);
    streams.close();
  });

  it('stay for a while after the last holder, and serve from their rings who comes back', async () => {
    const { streams, stored, hold, readsOf, pass } = open();
    const first = hold('a');
    await settled();
    stored('a').append(3);
    streams.hint('training', 'a', 3);
    await settled();
    first.release();
    await pass(GRACE_MS - 200);
    stored('a').append(1);
    const { stream, release } = hold('a');
    await settled();
    expect(stream).toBe(first.stream);
    expect(await stream.after(1)).toMatchObject({ events: [{ seq: 2 }, { seq: 3 }, { seq: 4 }] });
    expect(readsOf('a')).toBe(3);
    // The time begins anew.
    release();
    await pass(GRACE_MS - 200);
    expect(streams.count).toBe(1);
    await pass(400);
    expect(streams.count).toBe(0);
    expect(hold('a').stream).not.toBe(stream);
    streams.close();
  });

  it('count a holder that releases twice once', async () => {
    const { streams, stored, hold, pass } = open();
    const [one, other] = [hold('a'), hold('a')];
    one.release();
    one.release();
    await pass(2 * GRACE_MS);
    expect(streams.count).toBe(1);
    stored('a').append(1);
    streams.hint('training', 'a', 1);
    await settled();
    expect(other.stream.head).toBe(1);
    streams.close();
  });

  it('go at once where they have ended or are gone, but not from under a holder', async () => {
    const { streams, stored, hold, pass } = open();
    stored('ended').end();
    stored('gone').state = 'gone';
    const held = [hold('ended'), hold('gone')];
    await pass(GRACE_MS);
    expect(streams.count).toBe(2);
    expect(held.map(({ stream }) => stream.state)).toEqual(['closed', 'gone']);
    for (const { release } of held) release();
    await pass(100);
    expect(streams.count).toBe(0);
    streams.close();
  });

  it('are left alone once closed', async () => {
    const { streams, hold, readsOf, pass } = open();
    hold('a');
    await settled();
    streams.close();
    await pass(3 * SLOW_POLL_MS);
    expect(readsOf('a')).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
