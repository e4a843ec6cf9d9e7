import { type Definition, definition } from '../definition/definition.ts';
import { atStep, type Fault, quoted } from './fault.ts';
import { parsed } from './parse.ts';
import { readFaults } from './reads.ts';
import { structureFaults } from './structure.ts';

export type Parsed =
  | { definition: Definition; faults: readonly [] }
  | { definition?: undefined; faults: readonly Fault[] };

/**
 * A definition as it is stored, from anywhere, with its single values checked; whether it makes sense `definitionFaults`
 * says.
 *
 * @returns the definition, or all faults at once
 */
export function parseDefinition(raw: unknown): Parsed {
  const { value, faults } = parsed(definition, raw);
  return value ? { definition: value, faults: [] } : { faults };
}

/** What a definition names that is not in it. */
export type Known = {
  /** The agents that the caller may see, of those that `agentIdsOf` gives. */
  agentIds: ReadonlySet<string>;
};

/** How the steps hang together, what they read and which agents they name: all that is wrong with it, at once. */
export function definitionFaults(definition: Definition, { agentIds }: Known): Fault[] {
  const { faults: structure, flow } = structureFaults(definition);
  return [
    ...structure,
    ...loneFallbacks(definition),
    ...readFaults(definition.steps, flow),
    ...unknownAgents(definition, agentIds),
  ];
}

/** The agents that a definition names, in lower case as Postgres writes ids. */
export function agentIdsOf(definition: Definition): string[] {
  return [...new Set(agentsNamedIn(definition).map(({ id }) => id))];
}

function loneFallbacks({ steps }: Definition): Fault[] {
  return steps.flatMap(({ onError, fallbackStepId, name }, index) =>
    onError === 'fallback' && fallbackStepId === undefined
      ? {
          path: atStep(index, 'fallbackStepId'),
          message: `of ${quoted(name)} is required, since it falls back on errors`,
        }
      : [],
  );
}

function unknownAgents(definition: Definition, known: ReadonlySet<string>): Fault[] {
  return agentsNamedIn(definition).flatMap(({ id, path, of }) =>
    known.has(id) ? [] : { path, message: `${of}must be the id of an agent that you may see` },
  );
}

function agentsNamedIn({ steps, globalRetry }: Definition): { id: string; path: string[]; of: string }[] {
  const named = steps.flatMap((step, index) => {
    const of = `of ${quoted(step.name)} `;
    return [
      {
        id: step.type === 'agent' ? step.config.agentId : undefined,
        path: atStep(index, 'config', 'agentId'),
        of,
      },
      { id: step.retry?.fallbackAgent, path: atStep(index, 'retry', 'fallbackAgent'), of },
    ];
  });
  const fallback = { id: globalRetry?.fallbackAgent, path: ['globalRetry', 'fallbackAgent'], of: '' };
  return [...named, fallback].flatMap(({ id, ...rest }) =>
    id === undefined ? [] : { id: id.toLowerCase(), ...rest },
  );
}
