import { afterAll, describe, expect, it } from 'vitest';
import { stepConfigs } from '../../../src/modules/steps/definition/step-configs.ts';
import { STEP_PROGRAMS } from '../../../src/modules/steps/programs.ts';
import { createPureRunners } from '../../../src/modules/steps/pure-runners.ts';
import { createSandbox } from '../../../src/platform/sandbox/sandbox.ts';
import { call, failureOf, scopeOf } from './scope.ts';

const sandbox = createSandbox({ processes: 1, programs: STEP_PROGRAMS });
const { runners, loopItems } = createPureRunners({ sandbox });
afterAll(() => sandbox.close());

const STEP = '2f1c9a3e-0f0b-4b5e-9c58-1d1a0a6f3b11';
const scope = scopeOf(
  {
    items: [
      { n: 'a', price: 119 },
      { n: 'b', price: 238 },
    ],
    note: 'Invoice 12',
  },
  { steps: { [STEP]: { output: { total: 3 } } }, vars: { rate: 1.19 } },
);

describe('transform', () => {
  const transform = (config: unknown) => runners.transform(stepConfigs.transform.parse(config), scope, call);

  it('makes what the mapping says: texts are expressions, objects nest, other values stay', async () => {
    const mapping = {
      names: 'input.items.n',
      nested: { total: `steps.${STEP}.output.total`, list: ['input.note', 5, null] },
      literal: '"text"',
      kept: true,
      missing: 'input.nothing',
    };
    expect(await transform({ mapping })).toEqual({
      names: ['a', 'b'],
      nested: { total: 3, list: ['Invoice 12', 5, null] },
      ...{ literal: 'text', kept: true, missing: null },
    });
  });

  it('calls its functions', async () => {
    const functions = { net: 'function($x) { $round($x / $rate(), 2) }', rate: 'function() { 1.19 }' };
    expect(await transform({ mapping: { sum: '$sum(input.items.$net(price))' }, functions })).toEqual({
      sum: 300,
    });
  });

  it('says which entry fails, and that another try would fail as well', async () => {
    expect(await failureOf(transform({ mapping: { a: { b: ['1', '1 + "x"'] } } }))).toMatch(
      /^EXPRESSION_FAILED mapping\.a\.b\.1: .*\(final\)$/,
    );
  });

  it('may do better another time when it was out of time', async () => {
    const mapping = { a: '($f := function() { $f() }; $f())' };
    expect(await failureOf(transform({ mapping }))).toBe('TIME_LIMIT mapping.a: it took too long');
  });

  it('makes nothing of an empty mapping', async () => expect(await transform({ mapping: {} })).toEqual({}));
});

describe('match', () => {
  const match = (config: unknown) => runners.match(stepConfigs.match.parse(config), scope, call);

  it('tells which fields match, and whether enough of them do', async () => {
    const config = {
      pattern: '^[ab]$',
      fields: ['input.items[0].n', 'input.items.n', 'input.note', 'input.none'],
    };
    const fields = config.fields.map((field, index) => ({ field, matches: index < 2 }));
    expect(await match(config)).toEqual({ matched: false, share: 0.5, fields });
    expect(await match({ ...config, threshold: 0.5 })).toEqual({ matched: true, share: 0.5, fields });
  });

  it('looks into numbers as they are written', async () => {
    expect(await match({ pattern: '^119$', fields: ['input.items[0].price'] })).toMatchObject({
      matched: true,
    });
  });
});

describe('the items of a loop', () => {
  const items = (source: string, maxIterations?: number) =>
    loopItems(stepConfigs.loop.parse({ items: source, stepIds: [STEP], maxIterations }), scope, call);

  it('are a list, one thing, or none', async () => {
    expect(await items('input.items.n')).toEqual(['a', 'b']);
    expect(await items('input.items[n = "a"]')).toEqual([{ n: 'a', price: 119 }]);
    expect(await items('input.nothing')).toEqual([]);
  });

  it('are no more than allowed', async () => {
    expect(await items('[1..3]', 3)).toEqual([1, 2, 3]);
    expect(await failureOf(items('[1..4]', 3))).toBe(
      'TOO_MANY_ITEMS items has 4 entries, and maxIterations is 3 (final)',
    );
    expect(await failureOf(items('[1..1001]'))).toMatch(/^TOO_MANY_ITEMS /);
  });
});

describe('condition', () => {
  it('tells whether its conditions hold', async () => {
    const config = {
      conditions: [{ field: 'input.items[0].price', operator: 'greaterThan', value: 100 }],
      then: [],
    };
    const parsed = stepConfigs.condition.parse(config);
    expect(await runners.condition(parsed, scope, call)).toEqual({ holds: true });
  });
});

describe('a step that is cancelled', () => {
  it('ends at once with the reason', async () => {
    const reason = new Error('cancelled');
    const cancelled = { ...call, signal: AbortSignal.abort(reason) };
    await expect(runners.transform({ mapping: { a: '1' } }, scope, cancelled)).rejects.toBe(reason);
  });
});
