import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { MatchingRule } from '../../../src/modules/steps/definition/matching-rule.ts';
import { STEP_PROGRAMS } from '../../../src/modules/steps/programs.ts';
import { createReconcile } from '../../../src/modules/steps/reconcile.ts';
import { reconcile } from '../../../src/modules/steps/reconciliation/reconcile.ts';
import type {
  ReconcileOutput,
  RecordOf,
  Strategy,
} from '../../../src/modules/steps/reconciliation/report.ts';
import { createSandbox } from '../../../src/platform/sandbox/sandbox.ts';
import { longestTurn } from '../../support/event-loop.ts';
import { call, failureOf, scopeOf } from './scope.ts';

const reconciled = (
  a: readonly RecordOf[],
  b: readonly RecordOf[],
  strategy: Strategy = 'merge',
  ...matchingRules: MatchingRule[]
) =>
  reconcile(a, b, {
    matchingRules: matchingRules.length > 0 ? matchingRules : [{ field: 'n' }],
    reconciliationStrategy: strategy,
  });
const pairs = ({ matched }: ReconcileOutput) => matched.map(({ a, b }) => [a, b]);

describe('what belongs together', () => {
  it('is what agrees in every rule, in numbers as in texts of them', () => {
    const output = reconciled([{ n: 1 }, { n: '2' }, { n: 'x' }], [{ n: 'y' }, { n: 2 }, { n: '1' }]);
    expect(pairs(output)).toEqual([
      [0, 2],
      [1, 1],
    ]);
    expect(output.onlyInA).toEqual([{ n: 'x' }]);
    expect(output.onlyInB).toEqual([{ n: 'y' }]);
  });

  it('is nothing that lacks the field', () => {
    expect(pairs(reconciled([{ n: null }, {}], [{ n: null }, {}]))).toEqual([]);
  });

  it('is found by names that differ, by paths and without regard to case', () => {
    const rule = { fieldA: 'customer.id', fieldB: 'customer_id', caseInsensitive: true };
    expect(
      pairs(reconciled([{ customer: { id: 'ab-1' } }], [{ customer_id: 'AB-1' }], 'merge', rule)),
    ).toEqual([[0, 0]]);
  });

  it('is the nearest within a tolerance, which is included', () => {
    const rule = { field: 'v', tolerance: 0.01 };
    const output = reconciled(
      [{ v: 10 }, { v: '0.3' }, { v: 5 }],
      [{ v: 10.011 }, { v: 10.01 }, { v: 9.995 }, { v: 0.29 }],
      'merge',
      rule,
    );
    expect(pairs(output)).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('is within a number of days', () => {
    const rule = { field: 'd', toleranceDays: 1.5 };
    const output = reconciled(
      [{ d: '2026-01-01' }, { d: '2026-02-01' }],
      [{ d: '2026-02-03' }, { d: '2026-01-02T12:00:00Z' }],
      'merge',
      rule,
    );
    expect(pairs(output)).toEqual([[0, 1]]);
  });

  it('is paired once, the first with the first', () => {
    const same = [
      { n: 1, v: 'a' },
      { n: 1, v: 'b' },
      { n: 1, v: 'c' },
    ];
    expect(pairs(reconciled(same, same.slice(0, 2)))).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });
});

describe('where two differ', () => {
  const a = { n: 1, price: 10, name: 'Ada', onlyA: true, none: null, at: '2026-01-02' };
  const b = { n: '1', price: 12, name: 'Ada', onlyB: true, none: 'b', at: '2026-01-01' };
  const differences = (chosen: 'A' | 'B' | null) => [
    { key: { n: 1 }, field: 'price', a: 10, b: 12, chosen },
    { key: { n: 1 }, field: 'at', a: '2026-01-02', b: '2026-01-01', chosen },
  ];
  const both = { name: 'Ada', onlyA: true, none: 'b', onlyB: true };

  it.each<[Strategy, MatchingRule[], 'A' | 'B']>([
    ['preferA', [], 'A'],
    ['preferB', [], 'B'],
    ['merge', [], 'B'],
    ['merge', [{ newerBy: 'at' }], 'A'],
  ])('%s with %j takes %s, and the fields of both', (strategy, rules, chosen) => {
    const output = reconciled([a], [b], strategy, { field: 'n' }, ...rules);
    const { n, price, at } = chosen === 'A' ? a : b;
    expect(output.records).toEqual([{ ...both, n, price, at }]);
    expect(output.differences).toEqual(differences(chosen));
    expect(output.summary).toEqual({
      ...{ a: 1, b: 1, matched: 1, differing: 1, differences: 2, onlyInA: 0, onlyInB: 0, records: 1 },
    });
  });

  it('manual decides nothing, and brings together what agrees', () => {
    const agreed = { n: 2, name: 'Bob' };
    const output = reconciled([a, agreed, { n: 3 }], [b, agreed, { n: 4 }], 'manual');
    expect(output.differences).toEqual(differences(null));
    expect(output.records).toEqual([agreed]);
    expect(output.summary).toMatchObject({ matched: 2, differing: 1, onlyInA: 1, onlyInB: 1, records: 1 });
  });

  it('is no difference within the tolerance that they matched by', () => {
    const output = reconciled([{ v: 1 }], [{ v: 1.1 }], 'preferB', { field: 'v', tolerance: 0.2 });
    expect(output.differences).toEqual([]);
    expect(output.records).toEqual([{ v: 1.1 }]);
  });
});

describe('the laws of strategies', () => {
  const seed = Date.now() % 1_000_000;
  process.stdout.write(`reconcile: seed ${seed}\n`);
  const record = fc.record(
    {
      n: fc.integer({ min: 0, max: 8 }),
      v: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(null)),
      w: fc.string(),
    },
    { requiredKeys: [] },
  );
  const list = fc.array(record as fc.Arbitrary<RecordOf>, { maxLength: 12 });
  const strategy = fc.constantFrom<Strategy>('merge', 'preferA', 'preferB', 'manual');
  const check = (name: string, law: (a: RecordOf[], b: RecordOf[], strategy: Strategy) => void) =>
    it(name, () => fc.assert(fc.property(list, list, strategy, law), { seed, numRuns: 1_000 }));

  check('every record is in one pair or on one side', (a, b, by) => {
    const { matched, onlyInA, onlyInB, summary } = reconciled(a, b, by);
    expect(new Set(matched.map((pair) => pair.a)).size + onlyInA.length).toBe(a.length);
    expect(new Set(matched.map((pair) => pair.b)).size + onlyInB.length).toBe(b.length);
    expect(summary.matched).toBe(matched.length);
  });

  check('what was matched does not depend on the strategy', (a, b, by) => {
    expect(reconciled(a, b, by).matched).toEqual(reconciled(a, b, 'merge').matched);
  });

  check('to prefer A is to prefer B the other way round', (a, b) => {
    const one = reconciled(a, b, 'preferA');
    const other = reconciled(b, a, 'preferB');
    const sorted = (records: RecordOf[]) =>
      records.map((given) => JSON.stringify(Object.entries(given).sort())).sort();
    expect(sorted(one.records)).toEqual(sorted(other.records));
    expect(one.summary.differences).toBe(other.summary.differences);
  });

  check('a list agrees with itself', (a, _b, by) => {
    const withNumber = a.filter(({ n }) => n !== undefined);
    const { differences, onlyInA, onlyInB, records } = reconciled(withNumber, withNumber, by);
    expect([differences, onlyInA, onlyInB]).toEqual([[], [], []]);
    expect(records).toEqual(withNumber);
  });

  check('manual chooses nothing, the others always', (a, b, by) => {
    const chosen = new Set(reconciled(a, b, by).differences.map((difference) => difference.chosen === null));
    expect([...chosen]).toEqual(chosen.size === 0 ? [] : [by === 'manual']);
  });

  const near = fc.array(fc.record({ v: fc.integer({ min: 0, max: 40 }) }), { maxLength: 15 });
  it('a near pair is within the tolerance, and nothing near enough to both is left on both sides', () => {
    const property = fc.property(near, near, fc.integer({ min: 0, max: 5 }), (a, b, tolerance) => {
      const { matched, onlyInA, onlyInB } = reconciled(a, b, 'merge', { field: 'v', tolerance });
      const away = (one: RecordOf | undefined, other: RecordOf | undefined) =>
        Math.abs(Number(one?.v) - Number(other?.v));
      for (const pair of matched) expect(away(a[pair.a], b[pair.b])).toBeLessThanOrEqual(tolerance);
      for (const left of onlyInA)
        for (const other of onlyInB) expect(away(left, other)).toBeGreaterThan(tolerance);
    });
    fc.assert(property, { seed, numRuns: 1_000 });
  });
});

describe('the step', () => {
  const sandbox = createSandbox({ processes: 1, programs: STEP_PROGRAMS });
  afterAll(() => sandbox.close());
  const run = (input: unknown, rules: MatchingRule[] = [{ field: 'n' }]) =>
    createReconcile({ sandbox })(
      { sourceA: 'input.a', sourceB: 'input.b', matchingRules: rules, reconciliationStrategy: 'merge' },
      scopeOf(input),
      call,
    ) as Promise<ReconcileOutput>;

  it('takes one record for a list of one, and nothing for an empty list', async () => {
    expect((await run({ a: { n: 1 }, b: null })).summary).toMatchObject({
      a: 1,
      b: 0,
      onlyInA: 1,
      records: 1,
    });
  });

  it('says what is no list of records', async () => {
    expect(await failureOf(run({ a: [{ n: 1 }], b: [{ n: 1 }, 5] }))).toBe(
      'NO_RECORDS sourceB must be a list of objects; its entry 1 is none (final)',
    );
  });

  it.each<[string, MatchingRule[]]>([
    ['an exact rule', [{ field: 'n' }]],
    ['a near one', [{ field: 'v', tolerance: 0.02 }]],
    ['one that all agree in', [{ field: 'd', toleranceDays: 2 }]],
    [
      'one that all agree in and one that few do',
      [
        { field: 'd', toleranceDays: 2 },
        { field: 'v', tolerance: 0 },
      ],
    ],
  ])('takes 10,000 records on each side in seconds by %s, beside the event loop', async (_by, rules) => {
    const side = (from: number) =>
      Array.from({ length: 10_000 }, (_, at) => ({
        n: `INV-${from + at}`,
        v: (from + at) * 1.5,
        d: '2026-01-01',
      }));
    const input = { a: side(0), b: side(100).toReversed() };
    await run({});
    const turn = await longestTurn(async () => {
      const since = performance.now();
      const { summary } = await run(input, rules);
      expect(performance.now() - since).toBeLessThan(5_000);
      expect(summary.matched).toBe(rules.length === 1 && rules[0]?.field === 'd' ? 10_000 : 9_900);
    });
    expect(turn).toBeLessThan(50);
  });
});
