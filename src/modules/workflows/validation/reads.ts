import { isUuid } from '../../../graphql/ids.ts';
import { expressionsIn, stepsReadBy, syntaxFault } from '../../steps/expressions.ts';
import { type Flow, reachableFrom } from '../flow/flow.ts';
import { atStep, type Fault, quoted } from './fault.ts';

type Reading = { id: string; name: string; type: string; config: unknown };

/** Faults in expressions: what is no JSONata, and what reads a step that is unknown or cannot have run by then. */
export function readFaults(steps: readonly Reading[], { nodes, edges }: Flow): Fault[] {
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  const undoing = new Set(edges.filter(({ kind }) => kind === 'compensate').map(({ to }) => to));
  const lost = new Set(nodes.filter(({ isReachable }) => !isReachable).map(({ id }) => id));
  const after = new Map<string, Set<string>>();
  const mayFollow = (earlier: string, later: string) => {
    const known = after.get(earlier) ?? reachableFrom(earlier, edges);
    after.set(earlier, known);
    return known.has(later);
  };

  return steps.flatMap((step, index) =>
    expressionsIn(step.type, step.config).flatMap((expression): Fault[] => {
      const path = atStep(index, ...expression.path);
      const syntax = expression.isJsonata ? syntaxFault(expression.source) : undefined;
      if (syntax)
        return [{ path, message: `of ${quoted(step.name)} must be a JSONata expression: ${syntax}` }];
      return stepsReadBy(expression).flatMap((key) => {
        const id = key.toLowerCase();
        const name = names.get(id);
        const reads = `of ${quoted(step.name)} reads`;
        if (name === undefined) {
          const hint = isUuid(key) ? '' : ': name it by its id';
          return [{ path, message: `${reads} the step ${quoted(key)}, which does not exist${hint}` }];
        }
        // Without a way to either the order of the two is not known, and the other fault says why.
        const isOrdered = !lost.has(id) && !lost.has(step.id);
        const isUndoing = undoing.has(step.id) && id !== step.id;
        if (!isOrdered || isUndoing || mayFollow(id, step.id)) return [];
        return [{ path, message: `${reads} ${quoted(name)}, which cannot have run before it` }];
      });
    }),
  );
}
