import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Outlet, Outlets } from '../../../src/graphql/live/outlet.ts';
import { LiveStats } from '../../../src/platform/live/stats.ts';

const LIMIT = 1_000;
const STALLED_MS = 30_000;

/** A connection whose client reads when a test says so. */
class Connection extends EventEmitter {
  writableLength = 0;
  writableEnded = false;
  destroyed = false;
  readonly written: number[] = [];

  write({ length }: Buffer): boolean {
    this.written.push(length);
    this.writableLength += length;
    return this.writableLength < LIMIT;
  }

  cork(): void {}
  uncork(): void {}

  read(bytes = this.writableLength): void {
    this.writableLength -= bytes;
    if (this.writableLength === 0) this.emit('drain');
  }
}

let outlets: Outlets;
let stats: LiveStats;
let connection: Connection;
let outlet: Outlet;
let stalls: number;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  stats = new LiveStats();
  outlets = new Outlets({ maxBufferedBytes: LIMIT, stalledMs: STALLED_MS }, stats);
  connection = new Connection();
  stalls = 0;
  outlet = outlets.open(connection, () => {
    stalls += 1;
  });
});
afterEach(() => {
  outlets.close();
  vi.useRealTimers();
});

const bytes = (count: number) => Buffer.alloc(count);

describe('an outlet', () => {
  it('is ready up to the limit, and again once everything was sent', () => {
    const ready: string[] = [];
    outlet.write(bytes(LIMIT));
    expect(outlet.isReady).toBe(true);
    outlet.write(bytes(1));
    expect(outlet.isReady).toBe(false);
    outlet.whenReady(() => ready.push('one'));
    connection.read(LIMIT);
    // Not at once below the limit: it would be full again in a moment.
    expect({ ready, isReady: outlet.isReady }).toEqual({ ready: [], isReady: false });
    outlet.whenReady(() => ready.push('other'));
    connection.read();
    expect({ ready, isReady: outlet.isReady }).toEqual({ ready: ['one', 'other'], isReady: true });
    expect(outlets.bufferedBytes).toBe(0);
  });

  it('gives pieces back where the connection took all of them, and where nobody will', () => {
    expect(outlet.write(bytes(1))).toBe(false);
    connection.read();
    vi.spyOn(connection, 'write').mockReturnValue(true);
    expect(outlet.write(bytes(1), bytes(2))).toBe(true);
    outlet.close();
    expect(outlet.write(bytes(1))).toBe(true);
  });

  it('calls back who asks while it is ready, but not at once', async () => {
    const ready: string[] = [];
    outlet.whenReady(() => ready.push('ready'));
    expect(ready).toEqual([]);
    await undefined;
    expect(ready).toEqual(['ready']);
  });

  it('lets those who wait write in turn, and wait again where others have filled it', () => {
    const written: string[] = [];
    const take = (name: string) => {
      if (!outlet.isReady) return outlet.whenReady(() => take(name));
      written.push(name);
      outlet.write(bytes(LIMIT + 1));
    };
    for (const name of ['a', 'b', 'c']) take(name);
    for (let i = 1; i <= 3; i += 1) {
      expect(written).toHaveLength(i);
      connection.read();
    }
    expect(written).toEqual(['a', 'b', 'c']);
    expect(connection.listenerCount('drain')).toBe(0);
  });

  it('cuts off a client that does not read for too long, once', () => {
    outlet.write(bytes(LIMIT + 1));
    outlet.whenReady(() => expect.unreachable('it never is'));
    vi.advanceTimersByTime(STALLED_MS - 1_000);
    expect({ stalls, bytes: outlets.bufferedBytes }).toEqual({ stalls: 0, bytes: LIMIT + 1 });
    vi.advanceTimersByTime(2_000);
    vi.advanceTimersByTime(STALLED_MS);
    expect({ stalls, stalled: stats.stalled, bytes: outlets.bufferedBytes }).toEqual({
      stalls: 1,
      stalled: 1,
      bytes: 0,
    });
    outlet.write(bytes(1));
    expect({ written: connection.written, dropped: stats.dropped }).toEqual({
      written: [LIMIT + 1],
      dropped: 1,
    });
  });

  it('gives a client the whole time each time it is full', () => {
    for (let i = 0; i < 3; i += 1) {
      outlet.write(bytes(LIMIT + 1));
      outlet.whenReady(() => {});
      vi.advanceTimersByTime(STALLED_MS - 1_000);
      connection.read();
    }
    expect(stalls).toBe(0);
  });

  it('waits for the last that was written as for anything else', () => {
    outlet.write(bytes(10));
    outlet.finish();
    outlet.write(bytes(10));
    expect(connection.written).toEqual([10]);
    vi.advanceTimersByTime(STALLED_MS + 1_000);
    expect(stalls).toBe(1);
    const read = outlets.open(new Connection(), () => expect.unreachable('it was read'));
    read.write(bytes(10));
    read.finish();
    read.close();
    const empty = outlets.open(new Connection(), () => expect.unreachable('nothing was written'));
    empty.finish();
    vi.advanceTimersByTime(STALLED_MS + 1_000);
  });

  it.each(['closed', 'ended', 'destroyed'])('writes nothing to a connection that is %s', (how) => {
    if (how === 'closed') outlet.close();
    else if (how === 'ended') connection.writableEnded = true;
    else connection.destroyed = true;
    outlet.write(bytes(1));
    expect(connection.written).toEqual([]);
  });

  it('calls nobody back, and cuts nobody off, once it is closed while it is full', () => {
    outlet.write(bytes(LIMIT + 1));
    outlet.whenReady(() => expect.unreachable('it was closed'));
    outlet.close();
    outlet.close();
    vi.advanceTimersByTime(2 * STALLED_MS);
    expect(stalls).toBe(0);
  });

  it('looks at nothing any more once all are closed', () => {
    outlets.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
