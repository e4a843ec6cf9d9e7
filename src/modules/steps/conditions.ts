import type { Sandbox } from '../../platform/sandbox/sandbox.ts';
import { compared, isSame } from './comparison.ts';
import type { StepConfig } from './configs.ts';
import type { Condition } from './definition/condition.ts';
import { quoteStepIds } from './expressions.ts';
import { asText, type FillIn } from './fill-in.ts';
import { isList } from './json.ts';
import { searchable } from './match.ts';
import { stepFailure } from './sandbox-failure.ts';
import type { Scope, StepRunner } from './step.ts';

export type Conditions = {
  /**
   * Whether conditions hold, joined from left to right: `a or b and c` is `(a or b) and c`. Without any they do.
   *
   * @throws {StepError} for an expression that fails; what cannot be compared does not hold
   */
  holds(conditions: readonly Condition[], scope: Scope, options?: { signal?: AbortSignal }): Promise<boolean>;
};

type Compared = { operator: Condition['operator']; field: unknown; value: unknown };

export function createConditions({ sandbox, fillIn }: { sandbox: Sandbox; fillIn: FillIn }): Conditions {
  return {
    async holds(conditions, scope, options = {}) {
      const [fields, values] = await Promise.all([
        fieldsOf(conditions, scope, options),
        valuesOf(conditions, scope, options),
      ]);
      const results: boolean[] = [];
      for (const [index, { operator }] of conditions.entries()) {
        const pair = { operator, field: fields[index], value: values[index] };
        results.push(operator === 'regex' ? await matches(pair, index, options) : compare(pair));
      }
      return joined(conditions, results);
    },
  };

  async function fieldsOf(conditions: readonly Condition[], scope: Scope, options: { signal?: AbortSignal }) {
    const tasks = conditions.map(({ field }) => ({ source: quoteStepIds(field) }));
    try {
      return await sandbox.evaluate(tasks, scope, options);
    } catch (thrown) {
      throw stepFailure(thrown, (task) => `conditions.${task}.field`);
    }
  }

  /** A pattern is no template: it may hold `{{` itself. */
  async function valuesOf(conditions: readonly Condition[], scope: Scope, options: { signal?: AbortSignal }) {
    const templates = conditions.map(({ operator, value }) => (operator === 'regex' ? null : value));
    const filled = (await fillIn.fill(templates, scope, { ...options, secrets: 'none' })) as unknown[];
    return conditions.map(({ operator, value }, index) => (operator === 'regex' ? value : filled[index]));
  }

  async function matches({ field, value }: Compared, index: number, options: { signal?: AbortSignal }) {
    const text = searchable(field);
    if (text === undefined) return false;
    try {
      return (await sandbox.matches(asText(value), [text], options))[0] ?? false;
    } catch (thrown) {
      throw stepFailure(thrown, `conditions.${index}.value`);
    }
  }
}

/** Tells whether its conditions hold, as `{ holds }`; whoever runs the flow goes the one way or the other by it. */
export function createCondition(conditions: Conditions): StepRunner<StepConfig<'condition'>> {
  return async (config, scope, { signal }) => ({
    holds: await conditions.holds(config.conditions, scope, { signal }),
  });
}

export function compare({ operator, field, value }: Compared): boolean {
  switch (operator) {
    case 'equals':
      return isSame(field, value ?? null);
    case 'notEquals':
      return !isSame(field, value ?? null);
    case 'greaterThan':
      return (compared(field, value) ?? 0) > 0;
    case 'lessThan':
      return (compared(field, value) ?? 0) < 0;
    case 'contains':
      return contains(field, value);
    case 'notContains':
      return !contains(field, value);
    case 'exists':
      return field !== null && field !== undefined;
    case 'notExists':
      return field === null || field === undefined;
    case 'regex':
      return false;
  }
}

function contains(field: unknown, value: unknown): boolean {
  if (isList(field)) return field.some((inner) => isSame(inner, value));
  const text = searchable(value);
  return typeof field === 'string' && text !== undefined && field.includes(text);
}

export function joined(
  conditions: readonly Pick<Condition, 'logicalOperator'>[],
  results: readonly boolean[],
) {
  return results.reduce((before, result, index) => {
    if (index === 0) return result;
    return conditions[index]?.logicalOperator === 'or' ? before || result : before && result;
  }, true);
}
