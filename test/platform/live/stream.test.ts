import { describe, expect, it } from 'vitest';
import { LiveStats } from '../../../src/platform/live/stats.ts';
import { LiveStream } from '../../../src/platform/live/stream.ts';
import { Held, settled, turns } from '../../support/hub/held.ts';
import { StoredStream } from '../../support/hub/stored-stream.ts';

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A stream whose reads are answered when a test says so. */
function open({ stored = 0, ring = 500, message = 'line' } = {}) {
  const database = new StoredStream();
  database.append(stored, message);
  const held = new Held();
  const stats = new LiveStats();
  const reads: number[] = [];
  const mosts: number[] = [];
  const stream = new LiveStream({
    ref: database.ref,
    read(_ref, after, { most }) {
      reads.push(after);
      mosts.push(most);
      return held.hold(() => database.read(after, most));
    },
    limits: { events: ring, bytes: 1e9 },
    stats,
  });
  const told: number[] = [];
  stream.onChange(() => told.push(stream.head));
  const rest = async () => {
    for (await settled(); held.count > 0; await settled()) held.release();
  };
  return { database, held, stats, reads, mosts, stream, told, rest };
}

const seqsAfter = async (stream: LiveStream, cursor: number) =>
  (await stream.after(cursor)).events.map(({ seq }) => seq);

describe('a stream', () => {
  it('reads on from where it was when it was found, once for all', async () => {
    const { database, reads, stream, told, rest } = open({ stored: 7 });
    stream.resume(7);
    await rest();
    expect({ head: stream.head, reads, told }).toEqual({ head: 7, reads: [7], told: [] });
    database.append(2);
    stream.hint(9);
    await rest();
    expect({ head: stream.head, reads, told }).toEqual({ head: 9, reads: [7, 7], told: [9] });
    expect(await seqsAfter(stream, 7)).toEqual([8, 9]);
    expect(reads).toHaveLength(2);
  });

  it('reads in pages until it has everything, though one wake-up came', async () => {
    const { database, reads, stream, told, rest } = open();
    stream.resume(0);
    await rest();
    database.append(1_300);
    stream.hint(1);
    await rest();
    expect({ reads, told }).toEqual({ reads: [0, 0, 500, 1_000], told: [500, 1_000, 1_300] });
  });

  it('does not read for what it has heard of already', async () => {
    const { reads, stream, rest } = open({ stored: 9 });
    stream.resume(9);
    await rest();
    for (const seq of [9, 1, 5, 9]) stream.hint(seq);
    await rest();
    expect(reads).toHaveLength(1);
  });

  it('reads once more for each wake-up that names what never comes, and then no more', async () => {
    const { reads, stream, rest } = open({ stored: 3 });
    stream.resume(3);
    await rest();
    stream.hint(1_000);
    await rest();
    expect(reads).toHaveLength(2);
    stream.hint(1_000);
    await rest();
    expect(reads).toHaveLength(3);
  });

  it('reads again for what it hears while it reads', async () => {
    const { database, held, reads, stream, rest } = open();
    stream.resume(0);
    // The read is answered as of now, and then there is more.
    held.release();
    database.append(1);
    stream.hint(1);
    await rest();
    expect({ reads, head: stream.head }).toEqual({ reads: [0, 0], head: 1 });
  });

  it('loses no wake-up that comes as it stops reading', async () => {
    for (let count = 0; count < 12; count += 1) {
      const { database, held, stream, rest } = open();
      stream.resume(0);
      await settled();
      held.release();
      await turns(count);
      database.append(1);
      stream.hint(undefined);
      await rest();
      expect({ count, head: stream.head }).toEqual({ count, head: 1 });
    }
  });

  it('serves who is behind its ring from the database, and others without it', async () => {
    const { database, reads, stats, stream, rest } = open({ ring: 3 });
    stream.resume(0);
    database.append(10);
    stream.hint(10);
    await rest();
    const before = reads.length;
    for (const cursor of [7, 8, 9]) expect(await seqsAfter(stream, cursor)).toEqual(upTo(cursor + 1, 10));
    expect(await seqsAfter(stream, 10)).toEqual([]);
    expect(reads).toHaveLength(before);
    const behind = stream.after(6);
    await rest();
    expect((await behind).events.map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
    expect(stats).toMatchObject({ ringHits: 3, databaseReads: 1 });
  });

  it('ends with the last event, and tells so to who has it already', async () => {
    const { database, stream, told, rest } = open({ stored: 2 });
    stream.resume(2);
    await rest();
    database.end();
    stream.hint(3);
    await rest();
    expect({ state: stream.state, told }).toEqual({ state: 'closed', told: [3] });
    expect(await stream.after(2)).toMatchObject({ to: 3, ended: true });
    expect(await stream.after(3)).toEqual({ events: [], to: 3, ended: true });
    expect(await stream.after(9)).toEqual({ events: [], to: 9, ended: true });
    // It reads no more, whatever is heard.
    stream.hint(99);
    stream.look();
    expect(stream.state).toBe('closed');
  });

  it('gives fewer where they are long, one at least, and soon reads no more than it gives', async () => {
    const { stream, reads, mosts, rest } = open({ stored: 700, message: 'x'.repeat(50_000) });
    stream.resume(700);
    await rest();
    for (const from of [0, 6, 12]) {
      const page = stream.after(from);
      await rest();
      expect((await page).events.map(({ seq }) => seq)).toEqual(upTo(from + 1, from + 6));
    }
    expect({ reads, mosts }).toEqual({ reads: [700, 0, 6, 12], mosts: [500, 500, 6, 6] });
    const huge = open({ stored: 2, message: 'x'.repeat(1_000_000) });
    huge.stream.resume(2);
    await huge.rest();
    const page = huge.stream.after(0);
    await huge.rest();
    expect(await page).toMatchObject({ events: [{ seq: 1 }], to: 1, ended: false });
  });

  it('does not take a page for the last one that is not', async () => {
    const { database, stream, rest } = open({ ring: 1 });
    stream.resume(0);
    database.append(700);
    database.end();
    stream.look();
    await rest();
    const first = stream.after(0);
    await rest();
    expect(await first).toMatchObject({ to: 500, ended: false });
    const second = stream.after(500);
    await rest();
    expect(await second).toMatchObject({ to: 701, ended: true });
  });

  it('is gone for all once its execution is, also where one that is behind finds out', async () => {
    const { database, stream, told, rest } = open({ stored: 5 });
    stream.resume(5);
    await rest();
    database.state = 'gone';
    const behind = stream.after(0);
    await rest();
    expect(await behind).toEqual({ events: [], to: 0, ended: false });
    expect({ state: stream.state, told }).toEqual({ state: 'gone', told: [5] });
  });

  it('goes on after a while from its ring, or where much has come from the newest event', async () => {
    const { database, reads, stream, rest } = open({ ring: 10 });
    stream.resume(0);
    await rest();
    database.append(8);
    stream.resume(8);
    await rest();
    expect(await seqsAfter(stream, 0)).toEqual(upTo(1, 8));
    database.append(100);
    stream.resume(108);
    await rest();
    // Nothing of what came meanwhile was read.
    expect({ head: stream.head, reads }).toEqual({ head: 108, reads: [0, 0, 108] });
  });

  it('comes to the newest event though it went on while it read', async () => {
    const { database, held, stream, rest } = open({ ring: 10 });
    stream.resume(0);
    await settled();
    database.append(800);
    stream.resume(800);
    held.release();
    await rest();
    expect(stream.head).toBe(800);
    const all = stream.after(0);
    await rest();
    expect((await all).events).toHaveLength(500);
    expect(await seqsAfter(stream, 795)).toEqual(upTo(796, 800));
  });

  it('stops where the hub is closed', async () => {
    const told: string[] = [];
    let reads = 0;
    const stream = new LiveStream({
      ref: new StoredStream().ref,
      read() {
        reads += 1;
        return Promise.reject(new Error('closed'));
      },
      limits: { events: 1, bytes: 1 },
      stats: new LiveStats(),
    });
    stream.onChange(() => told.push('change'));
    stream.resume(3);
    stream.hint(9);
    await settled();
    expect({ told, reads }).toEqual({ told: [], reads: 1 });
    await expect(stream.after(0)).rejects.toThrow('closed');
  });

  it('tells nobody who has stopped listening', async () => {
    const { database, stream, told, rest } = open();
    const others: number[] = [];
    const stop = stream.onChange(() => others.push(stream.head));
    stream.resume(0);
    await rest();
    stop();
    database.append(1);
    stream.hint(1);
    await rest();
    expect({ told, others }).toEqual({ told: [1], others: [] });
  });
});
