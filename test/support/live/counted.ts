import type { LiveStats } from '../../../src/platform/live/stats.ts';

type Counter = { [Key in keyof LiveStats]: LiveStats[Key] extends number ? Key : never }[keyof LiveStats];
export type Counters = Record<Counter, number>;

export type Counted = {
  /** What is counted now. */
  now(): Counters;
  /** What has been added since. */
  since(before: Counters): Partial<Counters>;
  /** Resolves once this holds, which is looked at whenever something is counted. */
  until(holds: (now: LiveStats) => boolean): Promise<void>;
};

/** Makes what a hub counts something to wait for. */
export function watchCounters(stats: LiveStats): Counted {
  const waiting = new Set<() => void>();
  const counters = Object.keys(stats).filter(
    (key): key is Counter => typeof stats[key as Counter] === 'number',
  );
  for (const counter of counters) {
    let value = stats[counter];
    Object.defineProperty(stats, counter, {
      enumerable: true,
      get: () => value,
      set(next: number) {
        value = next;
        for (const look of waiting) look();
      },
    });
  }
  const now = () => Object.fromEntries(counters.map((counter) => [counter, stats[counter]])) as Counters;

  return {
    now,
    since: (before) =>
      Object.fromEntries(
        Object.entries(now()).flatMap(([counter, value]) => {
          const added = value - before[counter as Counter];
          return added === 0 ? [] : [[counter, added]];
        }),
      ),
    until: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!holds(stats)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}
