import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { compare, createConditions, joined } from '../../../src/modules/steps/conditions.ts';
import type { Condition } from '../../../src/modules/steps/definition/condition.ts';
import { createFillIn } from '../../../src/modules/steps/fill-in.ts';
import { createSandbox } from '../../../src/platform/sandbox/sandbox.ts';
import { failureOf, scopeOf } from './scope.ts';

const sandbox = createSandbox({ processes: 1 });
const { holds } = createConditions({ sandbox, fillIn: createFillIn(sandbox) });
afterAll(() => sandbox.close());

const when = (
  field: string,
  operator: Condition['operator'],
  value?: unknown,
  logicalOperator?: 'and' | 'or',
) => ({ field, operator, value, logicalOperator }) as Condition;
const scope = scopeOf({
  ...{ amount: 100, text: '100', zip: '01234', name: 'Ada Lovelace', tags: ['new', 7], none: null },
  ...{ day: '2026-03-01', moment: '2026-03-01T01:00:00+01:00', limit: 50, deep: { a: [1, { b: 2 }] } },
});

describe('a condition', () => {
  it.each<[string, Condition['operator'], unknown, boolean]>([
    ['amount', 'equals', 100, true],
    ['amount', 'equals', '100', true],
    ['amount', 'equals', '100.00', true],
    ['zip', 'equals', '1234', false],
    ['zip', 'equals', '01234', true],
    ['day', 'equals', '2026-03-01T00:00:00Z', true],
    ['moment', 'equals', '2026-03-01T00:00:00Z', true],
    ['deep', 'equals', { a: [1, { b: 2 }] }, true],
    ['deep', 'equals', { a: [1, { b: 3 }] }, false],
    ['none', 'equals', 0, false],
    ['amount', 'notEquals', 99, true],
    ['amount', 'greaterThan', 99.9, true],
    ['text', 'greaterThan', '99', true],
    ['text', 'lessThan', 99, false],
    ['day', 'lessThan', '2026-03-01T00:00:01Z', true],
    ['day', 'greaterThan', '2025-12-31', true],
    ['name', 'greaterThan', 'Aaron', true],
    ['name', 'greaterThan', 5, false],
    ['name', 'lessThan', 5, false],
    ['none', 'lessThan', 5, false],
    ['missing', 'greaterThan', 5, false],
    ['name', 'contains', 'Love', true],
    ['name', 'contains', 'love', false],
    ['tags', 'contains', 'new', true],
    ['tags', 'contains', '7', true],
    ['tags', 'contains', 'ne', false],
    ['amount', 'contains', 1, false],
    ['tags', 'notContains', 'old', true],
    ['missing', 'notContains', 'old', true],
    ['amount', 'exists', undefined, true],
    ['none', 'exists', undefined, false],
    ['missing', 'notExists', undefined, true],
    ['name', 'regex', '^A.*e$', true],
    ['name', 'regex', '(?i)^ada', true],
    ['amount', 'regex', '^1', true],
    ['tags', 'regex', 'new', false],
    ['missing', 'regex', '.*', false],
  ])('on %s: %s %j is %s', async (field, operator, value, expected) => {
    expect(await holds([when(`input.${field}`, operator, value)], scope)).toBe(expected);
  });

  it('compares with values that are filled in', async () => {
    expect(await holds([when('input.amount', 'greaterThan', '{{input.limit * 2 - 1}}')], scope)).toBe(true);
    expect(await holds([when('input.deep', 'equals', { a: [1, { b: '{{1 + 1}}' }] })], scope)).toBe(true);
  });

  it('takes a pattern as it stands', async () => {
    expect(await holds([when('"{{1 + 1}}"', 'regex', '^\\{\\{1 \\+ 1\\}\\}$')], scope)).toBe(true);
  });

  it('fails with the place of what cannot be evaluated', async () => {
    const conditions = [when('input.amount', 'exists'), when('1 +', 'exists')];
    expect(await failureOf(holds(conditions, scope))).toMatch(/^EXPRESSION_INVALID conditions\.1\.field: /);
    expect(await failureOf(holds([when('input.name', 'regex', '(?=a)')], scope))).toMatch(
      /^EXPRESSION_INVALID conditions\.0\.value: /,
    );
  });
});

describe('several conditions', () => {
  const yes = when('1', 'equals', 1);
  const no = when('1', 'equals', 2);
  const or = (condition: Condition): Condition => ({ ...condition, logicalOperator: 'or' });

  it('are joined from left to right', async () => {
    expect(await holds([yes, no], scope)).toBe(false);
    expect(await holds([no, or(yes)], scope)).toBe(true);
    expect(await holds([yes, or(yes), no], scope)).toBe(false);
    expect(await holds([or(no)], scope)).toBe(false);
    expect(await holds([], scope)).toBe(true);
  });
});

describe('whatever is compared', () => {
  const seed = Date.now() % 1_000_000;
  process.stdout.write(`conditions: seed ${seed}\n`);
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.integer(),
    fc.integer().map(String),
    fc
      .date({ noInvalidDate: true, min: new Date('1970-01-01'), max: new Date('2100-01-01') })
      .map((date) => date.toISOString()),
  );
  const is = (operator: Condition['operator'], field: unknown, other: unknown) =>
    compare({ operator, field, value: other });

  it('equals itself, and equals both ways', () => {
    const property = fc.property(value, value, (a, b) => {
      expect(is('equals', a, a)).toBe(true);
      expect(is('equals', a, b)).toBe(is('equals', b, a));
      expect(is('notEquals', a, b)).toBe(!is('equals', a, b));
    });
    fc.assert(property, { seed, numRuns: 2_000 });
  });

  it('is never both greater and less, and greater one way is less the other', () => {
    const property = fc.property(value, value, (a, b) => {
      expect(is('greaterThan', a, b) && is('lessThan', a, b)).toBe(false);
      expect(is('greaterThan', a, b)).toBe(is('lessThan', b, a));
    });
    fc.assert(property, { seed, numRuns: 2_000 });
  });

  it('is joined as and and or are', () => {
    const operators = fc.array(fc.tuple(fc.constantFrom('and', 'or', undefined), fc.boolean()), {
      minLength: 1,
    });
    const property = fc.property(operators, (given) => {
      const conditions = given.map(([logicalOperator]) => ({ logicalOperator }));
      const results = given.map(([, result]) => result);
      const source = given
        .slice(1)
        .reduce(
          (before, [operator, result]) => `(${before} ${operator === 'or' ? '||' : '&&'} ${result})`,
          String(results[0]),
        );
      expect(joined(conditions, results)).toBe(new Function(`return ${source}`)());
    });
    fc.assert(property, { seed, numRuns: 500 });
  });
});
