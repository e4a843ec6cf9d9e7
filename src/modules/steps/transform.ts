import type { Sandbox, Task } from '../../platform/sandbox/sandbox.ts';
import type { StepConfig } from './configs.ts';
import { quoteStepIds } from './expressions.ts';
import { isList, isObject } from './json.ts';
import { stepFailure } from './sandbox-failure.ts';
import type { StepRunner } from './step.ts';

/** Makes what `mapping` says: every text in it is an expression, everything else is kept as it stands. */
export function createTransform({ sandbox }: { sandbox: Sandbox }): StepRunner<StepConfig<'transform'>> {
  return async ({ mapping, functions = {} }, scope, { signal }) => {
    const bindings = Object.fromEntries(
      Object.entries(functions).map(([name, body]) => [name, quoteStepIds(String(body))]),
    );
    const tasks: (Task & { place: string })[] = [];
    collect(mapping, 'mapping', (source, place) => {
      tasks.push({ source: quoteStepIds(source), bindings, place });
    });
    try {
      const sources = tasks.map(({ source }) => ({ source, bindings }));
      return put(mapping, (await sandbox.evaluate(sources, scope, { signal })).values());
    } catch (thrown) {
      throw stepFailure(thrown, (task) => tasks[task]?.place);
    }
  };
}

function collect(value: unknown, place: string, found: (source: string, place: string) => void): void {
  if (typeof value === 'string') found(value, place);
  else if (isList(value)) value.forEach((inner, index) => void collect(inner, `${place}.${index}`, found));
  else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) collect(inner, `${place}.${key}`, found);
  }
}

/** In the same order as they were collected. */
function put(value: unknown, values: Iterator<unknown>): unknown {
  if (typeof value === 'string') return values.next().value;
  if (isList(value)) return value.map((inner) => put(inner, values));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, put(inner, values)]));
}
