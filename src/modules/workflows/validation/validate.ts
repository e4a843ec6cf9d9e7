import type { z } from 'zod';
import { type Definition, definition } from '../definition/definition.ts';
import { read } from '../flow/links.ts';
import { atStep, type Fault, quoted } from './fault.ts';
import { isList, isObject } from './json.ts';
import { readFaults } from './reads.ts';
import { structureFaults } from './structure.ts';

export type Parsed =
  | { definition: Definition; faults: readonly [] }
  | { faults: readonly Fault[]; definition?: undefined };

/**
 * A definition as it is stored, from anywhere, with its single values checked.
 *
 * @returns all faults at once, or the definition; whether it makes sense `definitionFaults` says
 */
export function parseDefinition(raw: unknown): Parsed {
  const parsed = definition.safeParse(raw);
  return parsed.success
    ? { definition: parsed.data, faults: [] }
    : { faults: shapeFaults(raw, parsed.error) };
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

function shapeFaults(raw: unknown, { issues }: z.ZodError): Fault[] {
  return issues.map(({ path, message }) => {
    const at = path.map(String);
    const isAbsent =
      at.reduce<unknown>(
        (value, key) => (isObject(value) || isList(value) ? Reflect.get(value, key) : undefined),
        raw,
      ) == null;
    const [field, index] = at;
    const step = field === 'steps' && index !== undefined ? read(read(raw, field), index) : undefined;
    const name = read(step, 'name');
    const of = typeof name === 'string' && name !== '' ? `of ${quoted(name)} ` : '';
    return { path: at, message: `${of}${isAbsent ? 'is required' : message}` };
  });
}
