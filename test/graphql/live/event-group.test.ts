import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStage, type Follower } from '../../support/hub/event-stage.ts';
import { settled, turns } from '../../support/hub/held.ts';

const upTo = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

describe('a group of followers of one stream', () => {
  it('executes a page once for all who are live', async () => {
    const stage = new EventStage();
    const followers = upTo(1, 20).map(() => stage.join(0));
    stage.stored.append(3);
    stage.stream.hint(3);
    await stage.rest();
    for (const follower of followers)
      expect(follower.received).toEqual([{ seqs: [1, 2, 3], lastSeq: 3, ended: false }]);
    expect(stage.executions).toBe(1);
    expect(stage.stats).toMatchObject({ frames: 1, deliveries: 20 });
  });

  it('executes a page of the past once for all who come back with the same cursor', async () => {
    const stage = new EventStage();
    stage.stored.append(1_300);
    stage.stream.look();
    const live = stage.join(1_300);
    await stage.rest();
    const late = upTo(1, 20).map(() => stage.join(0));
    await stage.rest();
    for (const { seqs } of late) expect(seqs).toEqual(upTo(1, 1_300));
    expect(live.received).toEqual([]);
    expect(stage.executions).toBe(3);
  });

  it('keeps few of those pages', async () => {
    const stage = new EventStage();
    stage.stored.append(500 * 18);
    stage.stream.look();
    stage.join(500 * 18);
    await stage.rest();
    // As long as one is behind, what was made for those who are behind is kept.
    const full = stage.join(1);
    full.fill();
    await stage.rest();
    for (const page of [...upTo(0, 17), 17, 0]) {
      const follower = stage.join(page * 500);
      follower.fillsAfter = 1;
      await stage.rest();
      expect(follower.seqs).toHaveLength(500);
    }
    expect(full.faults).toEqual([]);
    expect(stage.executions).toBe(1 + 18 + 1);
  });

  it('lets wait who says that it has more than there is, beside one that is behind', async () => {
    const stage = new EventStage();
    stage.stored.append(5);
    const far = stage.join(1_000);
    const near = stage.join(7);
    const first = stage.join(0);
    await stage.rest();
    expect(first.seqs).toEqual(upTo(1, 5));
    stage.stored.append(4);
    stage.stream.hint(9);
    await stage.rest();
    expect(first.seqs).toEqual(upTo(1, 9));
    expect(near.seqs).toEqual([8, 9]);
    expect(far.received).toEqual([]);
  });

  it('gives nobody twice what ends the stream', async () => {
    const stage = new EventStage({ after: 5 });
    stage.stored.append(5);
    stage.stream.look();
    await stage.rest();
    const live = stage.join(5);
    const ahead = [stage.join(7), stage.join(8), stage.join(10)];
    stage.stored.append(2);
    stage.stored.end();
    stage.stream.look();
    await stage.rest();
    expect(live.seqs).toEqual([6, 7, 8]);
    expect(ahead.map(({ seqs }) => seqs)).toEqual([[8], [], []]);
    for (const follower of [live, ...ahead]) expect(follower.ends).toEqual([undefined]);
  });

  it('lets nobody wait for one whose transport is full', async () => {
    const stage = new EventStage();
    const full = stage.join(0);
    const ahead = stage.join(3);
    full.fill();
    stage.stored.append(2);
    stage.stream.hint(2);
    await stage.rest();
    stage.stored.append(3);
    stage.stream.hint(5);
    await stage.rest();
    expect(ahead.seqs).toEqual([4, 5]);
    full.drain();
    await stage.rest();
    expect(full.seqs).toEqual(upTo(1, 5));
    expect(stage.stats).toMatchObject({ paused: 0, pauses: 1 });
  });

  it('does nothing for those who left while it paused, read or executed', async () => {
    for (const releases of [0, 1, 2]) {
      const stage = new EventStage({ minGapMs: 1e9, ring: { events: 1, bytes: 1e6 } });
      const follower = stage.join(0);
      stage.stored.append(2);
      stage.stream.hint(2);
      await stage.rest();
      stage.stored.append(2);
      stage.stream.hint(4);
      await settled();
      for (let i = 0; i < 1 + releases; i += 1) {
        stage.held.release();
        await settled();
      }
      follower.leave();
      await stage.rest();
      expect(follower.seqs).toEqual([1, 2]);
      expect({ faults: stage.faults, isClosed: stage.isClosed }).toEqual({ faults: [], isClosed: true });
    }
  });

  it('lets events gather between two frames, and pages of the past not', async () => {
    const stage = new EventStage({ minGapMs: 1e9 });
    stage.stored.append(1_200);
    stage.stream.look();
    await stage.rest();
    const follower = stage.join(0);
    await stage.rest();
    expect({ seqs: follower.seqs, pauses: stage.pauses }).toEqual({ seqs: upTo(1, 1_200), pauses: 0 });
    stage.stored.append(1);
    stage.stream.hint(1_201);
    await stage.rest();
    expect({ seqs: follower.seqs, pauses: stage.pauses }).toEqual({ seqs: upTo(1, 1_201), pauses: 1 });
  });

  it('lets nothing gather any longer that is more than fits into a frame', async () => {
    const stage = new EventStage({ minGapMs: 1e9 });
    const follower = stage.join(0);
    stage.stored.append(10, 'x'.repeat(100_000));
    stage.stream.hint(10);
    await stage.rest();
    expect(follower.seqs).toEqual(upTo(1, 10));
    expect(follower.received.length).toBeGreaterThan(3);
    expect(stage.pauses).toBe(0);
  });

  it('counts as late what came while it was followed, not what was there before', async () => {
    const stage = new EventStage();
    stage.stored.append(5);
    stage.stream.look();
    await stage.rest();
    stage.ageMs = 3_600_000;
    stage.join(0);
    await stage.rest();
    expect(stage.stats.lag.count).toBe(0);
    stage.ageMs = 0;
    stage.stored.append(1);
    stage.stream.hint(6);
    await stage.rest();
    expect(stage.stats.lag.count).toBe(1);
  });

  it('ends all, wherever they are, when the stream is gone', async () => {
    const stage = new EventStage({ after: 5 });
    stage.stored.append(5);
    stage.stream.look();
    await stage.rest();
    const full = stage.join(0);
    full.fill();
    const followers = [stage.join(5), full, stage.join(9)];
    await settled();
    stage.stored.state = 'gone';
    stage.stream.hint(undefined);
    await stage.rest();
    for (const { ends } of followers) expect(ends).toEqual([{ data: { failed: 'Error: gone' } }]);
    expect(stage.isClosed).toBe(true);
    expect(stage.stats.paused).toBe(0);
  });
});

type Step = (stage: EventStage, n: number) => void;

const going = ({ followers }: EventStage) =>
  followers.filter(({ hasLeft, hasEnded }) => !hasLeft && !hasEnded);
const oneOf = (stage: EventStage, n: number) => going(stage)[n % going(stage).length];

/** What may happen to a group, with a number that says how much, from where or to whom. */
const STEPS = {
  write(stage, n) {
    STEPS.writeUnheard(stage, n);
    stage.stream.hint(stage.stored.lastSeq);
  },
  writeUnheard({ stored }, n) {
    if (stored.state === 'open') stored.append(n);
  },
  hint: ({ stream }, n) => stream.hint(n),
  hintWithoutNumber: ({ stream }) => stream.hint(undefined),
  look: ({ stream }) => stream.look(),
  join(stage, n) {
    if (!stage.isEmpty) stage.join(n);
  },
  leave(stage, n) {
    if (going(stage).length > 1) oneOf(stage, n)?.leave();
  },
  fill: (stage, n) => oneOf(stage, n)?.fill(),
  drain: (stage, n) => oneOf(stage, n)?.drain(),
  release: ({ held }, n) => held.release(n),
} satisfies Record<string, Step>;

const ENDINGS = {
  none: () => {},
  end({ stored, stream }) {
    stored.end();
    stream.hint(stored.lastSeq);
  },
  delete({ stored, stream }) {
    stored.state = 'gone';
    stream.hint(undefined);
  },
} satisfies Record<string, Step>;

/** Small ones are near to each other, large ones a page or two away. */
const size = fc.oneof(fc.nat(12), fc.nat(1_500));
const often = (weight: number, ...names: (keyof typeof STEPS)[]) => ({
  weight,
  arbitrary: fc.constantFrom(...names),
});
const step = fc.record({
  what: fc.oneof(
    often(8, 'release'),
    often(4, 'write', 'join', 'drain'),
    often(2, 'fill', 'leave', 'writeUnheard'),
    often(1, 'hint', 'hintWithoutNumber', 'look'),
  ),
  n: size,
  /** Promise callbacks until the next step; all where there are many. */
  turns: fc.nat(12),
});
const history = fc.record({
  stored: size,
  after: size,
  steps: fc.array(step, { maxLength: 60 }),
  ending: fc.constantFrom<keyof typeof ENDINGS>('none', 'end', 'end', 'delete'),
  ring: fc.integer({ min: 1, max: 600 }),
  minGapMs: fc.constantFrom(0, 1e9),
});

/** In order and each once, from its cursor on. */
function isInOrder({ seqs, after }: Follower): boolean {
  return seqs.every((seq, at) => seq === after + 1 + at);
}

describe('any history of a group', () => {
  it('gives everybody every event after its cursor, in order and once, and ends all', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ stored, after, steps, ending, ring, minGapMs }) => {
        const stage = new EventStage({ ring: { events: ring, bytes: 1e9 }, minGapMs });
        stage.stored.append(stored);
        stage.stream.look();
        stage.join(after);
        for (const { what, n, turns: count } of steps) {
          STEPS[what](stage, n);
          await (count === 12 ? settled() : turns(count));
          for (const follower of stage.followers) expect(isInOrder(follower)).toBe(true);
        }
        ENDINGS[ending](stage);
        // A hint may have been lost: the slow poll looks in any case.
        stage.stream.look();
        await stage.rest();
        check(stage, ({ isReady }) => isReady);
        for (const follower of stage.followers) follower.drain();
        await stage.rest();
        check(stage, () => true);
        for (const follower of stage.followers) follower.leave();
        await stage.rest();
        expect(stage).toMatchObject({ faults: [], isClosed: true, stats: { paused: 0 } });
      }),
      { numRuns: 300 },
    );
  });
});

/** @param isServed whether nothing keeps a follower from having everything */
function check({ stored, followers }: EventStage, isServed: (follower: Follower) => boolean): void {
  for (const follower of followers) {
    expect(follower.faults).toEqual([]);
    expect(isInOrder(follower)).toBe(true);
    if (follower.hasLeft || !isServed(follower)) continue;
    const isFailed = stored.state === 'gone';
    if (!isFailed) expect(follower.seqs).toEqual(upTo(follower.after + 1, stored.lastSeq));
    const end = isFailed ? { data: { failed: 'Error: gone' } } : undefined;
    expect(follower.ends).toEqual(stored.state === 'open' ? [] : [end]);
    if (stored.state === 'closed') expect(follower.received.at(-1)).toMatchObject({ ended: true });
  }
}
