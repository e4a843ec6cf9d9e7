import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Clock } from '../../support/hub/clock.ts';
import { settled, turns } from '../../support/hub/held.ts';
import { StateStage, type Watcher } from '../../support/hub/state-stage.ts';

let clock: Clock;
beforeEach(() => {
  clock = new Clock();
});
afterEach(() => {
  clock.stop();
});

const versions = ({ received }: Watcher) => received.map(({ version }) => version);

describe('a group of those who follow a state', () => {
  it('shows it at once to whoever comes, executed once for those who come together', async () => {
    const stage = new StateStage(clock);
    const watchers = [stage.join(), stage.join(), stage.join()];
    await stage.rest();
    for (const watcher of watchers) expect(versions(watcher)).toEqual([0]);
    stage.change('a');
    const late = stage.join();
    await stage.rest();
    // The others are served when their time has come.
    expect(versions(late)).toEqual([1]);
    expect(watchers.map(versions)).toEqual([[0], [0], [0]]);
    expect(stage.stats).toMatchObject({ deliveries: 4 });
  });

  it('shows the newest state, and as often as it may', async () => {
    const stage = new StateStage(clock, { minGapMs: 100 });
    const watcher = stage.join();
    await stage.rest();
    for (let i = 0; i < 100; i += 1) {
      stage.change('a');
      clock.pass(10);
      await stage.rest();
    }
    await stage.restLater();
    expect(watcher.last('a')?.version).toBe(100);
    expect(watcher.received.length).toBeGreaterThanOrEqual(10);
    expect(watcher.received.length).toBeLessThanOrEqual(12);
  });

  it('shows it again where it changes while it is read', async () => {
    const stage = new StateStage(clock);
    const watcher = stage.join();
    await settled();
    // Read as of now; then it changes.
    stage.held.release();
    stage.change('a');
    await stage.restLater();
    expect(versions(watcher)).toEqual([0, 1]);
  });

  it('lets one whose transport is full skip, and shows it the newest state as soon as it is not', async () => {
    const stage = new StateStage(clock);
    const [full, other] = [stage.join(), stage.join()];
    await stage.rest();
    full.fill();
    for (let i = 0; i < 10; i += 1) {
      stage.change('a');
      await stage.restLater();
    }
    expect(versions(other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    full.drain();
    await stage.rest();
    expect(versions(full)).toEqual([0, 10]);
    expect(stage.stats).toMatchObject({ pauses: 1, paused: 0, skipped: 9 });
  });

  it('shows the last state and ends', async () => {
    const stage = new StateStage(clock);
    const [watcher, full] = [stage.join(), stage.join()];
    await stage.rest();
    full.fill();
    stage.change('a');
    stage.end();
    await stage.restLater();
    expect(versions(watcher)).toEqual([0, 1]);
    expect([watcher.ends, full.ends]).toEqual([[undefined], []]);
    full.drain();
    await stage.restLater();
    expect({ versions: versions(full), ends: full.ends }).toEqual({ versions: [0, 1], ends: [undefined] });
    expect(stage.isClosed).toBe(true);
  });

  it('serves who comes in the turn in which it stops', async () => {
    for (let count = 0; count < 16; count += 1) {
      const stage = new StateStage(clock);
      stage.join();
      await settled();
      stage.held.release();
      await turns(count);
      const late = stage.join();
      await stage.rest();
      expect({ count, received: late.received.length }).toEqual({ count, received: 1 });
    }
  });

  it('waits once for all who come and go while it waits', async () => {
    const stage = new StateStage(clock, { minGapMs: 100_000 });
    stage.join();
    await stage.rest();
    stage.change('a');
    await stage.rest();
    for (let i = 0; i < 50; i += 1) {
      stage.join().leave();
      await stage.rest();
    }
    expect(clock.pauses).toBe(1);
  });

  it('waits where the database is away, and shows then what it owes', async () => {
    const stage = new StateStage(clock);
    const [first, full] = [stage.join(), stage.join()];
    full.fill();
    stage.failures = 5;
    await stage.restLater();
    stage.failures = 5;
    stage.change('a');
    const late = stage.join();
    await stage.restLater();
    full.drain();
    await stage.restLater();
    expect([first, late, full].map(versions)).toEqual([[0, 1], [1], [1]]);
    expect(stage.failures).toBe(0);
  });

  it('ends all, with what is wrong, where that is not the database', async () => {
    const stage = new StateStage(clock);
    const watcher = stage.join();
    await stage.rest();
    stage.isBroken = true;
    stage.change('a');
    await stage.restLater();
    expect(watcher.ends).toEqual([{ data: { failed: 'Error: a bug' } }]);
  });

  it('ends all, wherever they are, when it is gone', async () => {
    const stage = new StateStage(clock);
    const watchers = [stage.join(), stage.join()];
    await stage.rest();
    watchers[1]?.fill();
    stage.change('a');
    stage.delete();
    await stage.rest();
    for (const { ends } of watchers) expect(ends).toEqual([{ data: { failed: 'Error: gone' } }]);
  });
});

describe('a group of those who follow a list', () => {
  it('shows nothing before something changes, and then each that does', async () => {
    const stage = new StateStage(clock, { first: [] });
    const watcher = stage.join();
    await stage.rest();
    expect({ received: watcher.received, executions: stage.executions }).toEqual({
      received: [],
      executions: 0,
    });
    for (const id of ['a', 'b', 'c', 'b']) stage.change(id);
    await stage.restLater();
    expect(watcher.received).toMatchObject([{ id: 'a' }, { id: 'b', version: 2 }, { id: 'c' }]);
    // The first at once, the others together when the time has come.
    expect(stage.takes).toBe(2);
  });

  it('owes each of them to one whose transport is full', async () => {
    const stage = new StateStage(clock, { first: [] });
    const watcher = stage.join();
    watcher.fill();
    for (const id of ['a', 'b', 'a', 'c']) {
      stage.change(id);
      await stage.restLater();
    }
    expect(watcher.received).toEqual([]);
    watcher.drain();
    await stage.restLater();
    expect(watcher.received.map(({ id, version }) => `${id}${version}`).sort()).toEqual(['a2', 'b1', 'c1']);
  });
});

type Step = (stage: StateStage, n: number) => void;
const IDS = ['a', 'b', 'c', 'd', 'e'];
const going = ({ watchers }: StateStage) => watchers.filter(({ hasLeft, hasEnded }) => !hasLeft && !hasEnded);
const oneOf = (stage: StateStage, n: number) => going(stage)[n % going(stage).length];

/** What may happen to a group, with a number that says to what or whom, or how long. */
const STEPS = {
  change(stage, n) {
    if (!stage.isOver) stage.change(IDS[n % IDS.length] ?? '');
  },
  wake: (stage) => stage.wake(),
  join(stage) {
    if (!stage.isEmpty) stage.join();
  },
  leave(stage, n) {
    if (going(stage).length > 1) oneOf(stage, n)?.leave();
  },
  fill: (stage, n) => oneOf(stage, n)?.fill(),
  drain: (stage, n) => oneOf(stage, n)?.drain(),
  release: ({ held }, n) => held.release(n),
  pass: ({ clock }, n) => clock.pass(n),
  breakDown(stage, n) {
    stage.failures += n % 4;
  },
} satisfies Record<string, Step>;

const ENDINGS = {
  none: () => {},
  end(stage, n) {
    stage.change(IDS[n % IDS.length] ?? '');
    stage.end();
  },
  delete: (stage) => stage.delete(),
} satisfies Record<string, Step>;

const often = (weight: number, ...names: (keyof typeof STEPS)[]) => ({
  weight,
  arbitrary: fc.constantFrom(...names),
});
const step = fc.record({
  what: fc.oneof(
    often(6, 'release'),
    often(4, 'change', 'drain', 'pass'),
    often(2, 'join', 'fill'),
    often(1, 'leave', 'wake', 'breakDown'),
  ),
  n: fc.nat(120),
  /** Promise callbacks until the next step; all where there are many. */
  turns: fc.nat(12),
});
const history = fc.record({
  first: fc.subarray(IDS),
  minGapMs: fc.constantFrom(0.001, 50, 100),
  steps: fc.array(step, { maxLength: 80 }),
  ending: fc.constantFrom<keyof typeof ENDINGS>('none', 'end', 'end', 'delete'),
});

describe('any history of a group', () => {
  it('shows everybody the last state of everything, never an older one after a newer, and no more than it may', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ first, minGapMs, steps, ending }) => {
        const stage = new StateStage(clock, { first, minGapMs });
        stage.join();
        for (const { what, n, turns: count } of steps) {
          STEPS[what](stage, n);
          await (count === 12 ? settled() : turns(count));
        }
        ENDINGS[ending](stage, steps.length);
        await stage.restLater();
        for (const watcher of stage.watchers) check(stage, watcher, minGapMs, watcher.isReady);
        for (const watcher of stage.watchers) watcher.drain();
        await stage.restLater();
        for (const watcher of stage.watchers) check(stage, watcher, minGapMs, true);
        for (const watcher of stage.watchers) watcher.leave();
        await stage.restLater();
        expect(stage).toMatchObject({ faults: [], isClosed: true, stats: { paused: 0 } });
      }),
      { numRuns: 400 },
    );
  });
});

/** @param isServed whether nothing keeps the watcher from having everything */
function check(stage: StateStage, watcher: Watcher, minGapMs: number, isServed: boolean): void {
  expect(watcher.faults).toEqual([]);
  for (const id of IDS) checkOrder(watcher, id, minGapMs);
  if (watcher.hasLeft || !isServed) return;
  const failed = { data: { failed: 'Error: gone' } };
  if (stage.isGone) expect(watcher.ends).toEqual([failed]);
  else {
    for (const id of watcher.expected) expect(watcher.last(id)?.version).toBe(stage.versionOf(id));
    expect(watcher.ends).toEqual(stage.isOver ? [undefined] : []);
  }
}

function checkOrder({ deliveries, joinedAt }: Watcher, id: string, minGapMs: number): void {
  const shown = deliveries.filter((state) => state.id === id);
  for (const [at, state] of shown.entries()) {
    const before = shown[at - 1] ?? { execution: 0, version: 0 };
    expect(state.execution).toBeGreaterThan(before.execution);
    expect(state.version).toBeGreaterThanOrEqual(before.version);
    // Beside those of its rate: the first, and one for each time that its transport was full.
    const most = 2 + state.drains + Math.floor((state.at - joinedAt) / minGapMs);
    expect(at + 1).toBeLessThanOrEqual(most);
  }
}
