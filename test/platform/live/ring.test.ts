import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SizedEvent } from '../../../src/platform/feed/stream-pages.ts';
import { Ring, type RingLimits } from '../../../src/platform/live/ring.ts';
import { eventOf } from '../../support/hub/stored-stream.ts';

/** What an event is counted with beside its payload. */
const OVERHEAD = 200;

const PAGE = { events: 10, bytes: 1_000 };

const sized = (seq: number, bytes = 0): SizedEvent => ({ event: eventOf(seq), bytes });
const seqs = (events: readonly { seq: number }[] | undefined) => events?.map(({ seq }) => seq);

/** What a ring must hold, said as plainly as can be: all that came, cut off at the front. */
class Model {
  readonly #limits: RingLimits;
  kept: SizedEvent[] = [];

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  push(events: readonly SizedEvent[]): void {
    const last = this.kept.at(-1)?.event.seq;
    const follows = last === undefined || events[0]?.event.seq === last + 1;
    if (events.length > 0) this.kept = [...(follows ? this.kept : []), ...events];
    while (this.kept.length > 1 && this.#isTooMuch) this.kept.shift();
  }

  get #isTooMuch(): boolean {
    const bytes = this.kept.reduce((sum, event) => sum + event.bytes + OVERHEAD, 0);
    return this.kept.length > this.#limits.events || bytes > this.#limits.bytes;
  }

  after(cursor: number, limits: RingLimits): number[] | undefined {
    const [first] = this.kept;
    if (!first || cursor + 1 < first.event.seq) return undefined;
    const rest = this.kept.filter(({ event }) => event.seq > cursor);
    const sizeUntil = (end: number) => rest.slice(0, end).reduce((sum, { bytes }) => sum + bytes, 0);
    return rest
      .filter((_, at) => at < limits.events && sizeUntil(at) < limits.bytes)
      .map(({ event }) => event.seq);
  }
}

const batch = fc.record({
  /** How far it begins after the last one: 0 follows on it. */
  gap: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -3, max: 20 }) },
  ),
  sizes: fc.array(fc.nat(500), { maxLength: 12 }),
});

describe('a ring', () => {
  it('answers at every cursor as all that came would, without what either limit has pushed out', () => {
    const limits = fc.record({
      events: fc.integer({ min: 1, max: 20 }),
      bytes: fc.integer({ min: 1, max: 5_000 }),
    });
    const history = fc.record({ limits, page: limits, batches: fc.array(batch, { maxLength: 30 }) });
    fc.assert(
      fc.property(history, ({ limits, batches, page }) => {
        const [ring, model] = [new Ring(limits), new Model(limits)];
        let last = 10;
        for (const { gap, sizes } of batches) {
          const first = Math.max(1, last + 1 + gap);
          const events = sizes.map((bytes, i) => sized(first + i, bytes));
          if (events.length > 0) last = first + events.length - 1;
          ring.push(events);
          model.push(events);
          for (let cursor = 0; cursor <= last + 2; cursor += 1) {
            expect(seqs(ring.after(cursor, page))).toEqual(model.after(cursor, page));
          }
        }
      }),
    );
  });

  it('has nothing before the first event, nor after it is cleared', () => {
    const ring = new Ring({ events: 5, bytes: 5_000 });
    expect(ring.after(0, PAGE)).toBeUndefined();
    ring.push([sized(1)]);
    expect(seqs(ring.after(0, PAGE))).toEqual([1]);
    ring.clear();
    expect(ring.after(0, PAGE)).toBeUndefined();
    expect(ring.after(1, PAGE)).toBeUndefined();
  });

  it('keeps the newest event however large it is, and only as long as it is the newest', () => {
    const ring = new Ring({ events: 5, bytes: 1_000 });
    ring.push([sized(1), sized(2, 1_000_000)]);
    expect(seqs(ring.after(1, PAGE))).toEqual([2]);
    expect(ring.after(0, PAGE)).toBeUndefined();
    ring.push([sized(3)]);
    expect(ring.after(1, PAGE)).toBeUndefined();
    expect(seqs(ring.after(2, PAGE))).toEqual([3]);
  });

  it('answers who is level with the newest event, or beyond it, with nothing', () => {
    const ring = new Ring({ events: 5, bytes: 5_000 });
    ring.push([sized(7), sized(8)]);
    for (const cursor of [8, 9, 2 ** 31, Number.MAX_SAFE_INTEGER])
      expect(ring.after(cursor, PAGE)).toEqual([]);
  });
});
