import { expressionsIn, stepsReadBy } from '../../steps/expressions.ts';
import type { PlannedStep } from './plan.ts';

/** What mentions steps at all: looked for before anything is taken apart, since most configs read none. */
const MENTION = /\bsteps\b|\$\$|~>/;

/**
 * The steps that a config reads by their ids; undefined where it reads them in a way that only running it tells, as in
 * `$lookup(steps, input.id)`. Then all are given to it.
 */
export function stepsRead({ type, config }: Pick<PlannedStep, 'type' | 'config'>): string[] | undefined {
  const expressions = expressionsIn(type, config).filter(({ source }) => MENTION.test(source));
  const read = expressions.map(({ source }) => ({ source, ids: stepsReadBy({ source }) }));
  const isOpen = read.some(({ source, ids }) => ids.length === 0 || mentions(source) > ids.length);
  if (isOpen || expressions.some(({ source }) => source.includes('$$'))) return undefined;
  return [...new Set(read.flatMap(({ ids }) => ids.map((id) => id.toLowerCase())))];
}

function mentions(source: string): number {
  return source.match(/\bsteps\b/g)?.length ?? 0;
}
