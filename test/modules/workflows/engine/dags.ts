import { randomUUID } from 'node:crypto';
import type { LooseStep } from '../definitions.ts';

/** A workflow made up at random: what every way through it must have done once it has ended. */
export type Dag = {
  steps: LooseStep[];
  /** How many runs of steps there must be, by step. */
  expected: ReadonlyMap<string, number>;
};

const ITEMS = 3;
const RETRY = { enabled: true, maxAttempts: 4, backoff: 'fixed', initialDelay: 1, maxDelay: 10 };

/**
 * Steps that lead to each other at random, without circles: calls of the receiver, of which some fail at first, delays,
 * questions, conditions and loops that hold calls; several ways that meet, waited for all or any.
 *
 * @param random in [0, 1)
 * @param url of a receiver that fails as often as a call's body says
 */
export function randomDag(random: () => number, { most, url }: { most: number; url: string }): Dag {
  const expected = new Map<string, number>();
  const held: LooseStep[] = [];
  const below = (end: number) => Math.floor(random() * end);
  const step = (type: string, config: Record<string, unknown>, runs = 1): LooseStep => {
    const id = uuidOf(random);
    expected.set(id, runs);
    return { id, name: `${type} ${expected.size}`, type, config };
  };
  const call = (runs = 1): LooseStep => ({
    ...step('webhook', { url, method: 'POST', body: { failures: below(4) === 0 ? 1 + below(2) : 0 } }, runs),
    retry: RETRY,
  });
  const hold = (count: number, runs = 1): string[] => {
    const made = Array.from({ length: count }, () => call(runs));
    held.push(...made);
    return made.map(({ id }) => id);
  };
  const any = (): LooseStep => {
    const chance = random();
    if (chance < 0.6) return call();
    if (chance < 0.75) return step('delay', { duration: below(400) });
    if (chance < 0.85) return step('human', { prompt: 'Go on?', required: true });
    if (chance < 0.95) {
      const conditions = [{ field: 'true', operator: 'equals', value: true }];
      return step('condition', { conditions, then: hold(1 + below(2)) });
    }
    const parallelism = 1 + below(ITEMS);
    return step('loop', { items: `[1..${ITEMS}]`, stepIds: hold(1, ITEMS), parallelism });
  };

  const main: LooseStep[] = [];
  // The last one may bring two that it holds.
  const wanted = 1 + below(most - 2);
  while (main.length + held.length < wanted) main.push(any());
  link(main, random);
  return { steps: [...main, ...held], expected };
}

/** Each step but the first follows one or two of the five before it. */
function link(main: readonly LooseStep[], random: () => number): void {
  const next = new Map(main.map(({ id }) => [id, new Set<string>()]));
  for (const [at, { id }] of main.entries()) {
    const before = main.slice(Math.max(0, at - 5), at);
    const ways = Math.min(before.length, random() < 0.4 ? 2 : 1);
    for (let way = 0; way < ways; way += 1) {
      const from = before[Math.floor(random() * before.length)];
      if (from) next.get(from.id)?.add(id);
    }
  }
  for (const step of main) {
    const join = random() < 0.15 ? 'any' : 'all';
    step.metadata = { next: [...(next.get(step.id) ?? [])], join };
  }
}

function uuidOf(random: () => number): string {
  const hex = Array.from({ length: 12 }, () => Math.floor(random() * 16).toString(16)).join('');
  return `${randomUUID().slice(0, 24)}${hex}`;
}
