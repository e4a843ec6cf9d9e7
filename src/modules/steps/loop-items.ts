import type { Sandbox } from '../../platform/sandbox/sandbox.ts';
import type { StepConfig } from './configs.ts';
import { quoteStepIds } from './expressions.ts';
import { isList } from './json.ts';
import { stepFailure } from './sandbox-failure.ts';
import { StepError, type StepRunner } from './step.ts';

/** Of `maxIterations`. */
const DEFAULT_ITERATIONS = 1_000;

export type LoopItems = (...given: Parameters<StepRunner<StepConfig<'loop'>>>) => Promise<readonly unknown[]>;

/**
 * The items that a loop goes through. Nothing is no items; what is no list is one item, as JSONata makes of a list of one
 * its only entry.
 */
export function createLoopItems({ sandbox }: { sandbox: Sandbox }): LoopItems {
  return async ({ items, maxIterations = DEFAULT_ITERATIONS }, scope, { signal }) => {
    const list = asList(await evaluated(items, scope, signal));
    if (list.length <= maxIterations) return list;
    const message = `items has ${list.length} entries, and maxIterations is ${maxIterations}`;
    throw new StepError({ code: 'TOO_MANY_ITEMS', message }, { isFinal: true });
  };

  async function evaluated(items: string, scope: unknown, signal: AbortSignal): Promise<unknown> {
    try {
      return (await sandbox.evaluate([{ source: quoteStepIds(items) }], scope, { signal }))[0];
    } catch (thrown) {
      throw stepFailure(thrown, 'items');
    }
  }
}

function asList(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  return isList(value) ? value : [value];
}
