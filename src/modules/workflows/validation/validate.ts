import type { z } from 'zod';
import { type Definition, definition } from '../definition/definition.ts';
import { read } from '../flow/links.ts';
import { atStep, type Fault, quoted } from './fault.ts';
import { isList, isObject } from './json.ts';
import { readFaults } from './reads.ts';
import { structureFaults } from './structure.ts';

export type Validation =
  | { ok: true; definition: Definition; faults: readonly [] }
  | { ok: false; faults: readonly Fault[] };

/** What a definition names that is not in it. */
export type Known = {
  /** The ids of the agents that the caller may see, of those that `agentIdsOf` gives; in lower case. */
  agentIds: ReadonlySet<string>;
};

/**
 * Everything that can be said about a definition without running it. Reports all faults of one kind at once: first those of
 * single values, and where there are none, those of how the steps hang together, what they read and which agents they name.
 *
 * @param raw a definition as it is stored, from anywhere
 */
export function validateWorkflow(raw: unknown, { agentIds }: Known): Validation {
  const parsed = definition.safeParse(raw);
  if (!parsed.success) return { ok: false, faults: shapeFaults(raw, parsed.error) };
  const { data } = parsed;
  const { faults: structure, flow } = structureFaults(data);
  const faults = [
    ...structure,
    ...loneFallbacks(data),
    ...readFaults(data.steps, flow),
    ...unknownAgents(data, agentIds),
  ];
  return faults.length > 0 ? { ok: false, faults } : { ok: true, definition: data, faults: [] };
}

/** The agents that a definition names, in lower case; what is malformed names none. */
export function agentIdsOf(raw: unknown): string[] {
  const ids = agentsNamedIn(raw).map(({ id }) => id);
  return [...new Set(ids)];
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

function unknownAgents(raw: unknown, known: ReadonlySet<string>): Fault[] {
  return agentsNamedIn(raw).flatMap(({ id, path, of }) =>
    known.has(id) ? [] : { path, message: `${of}must be the id of an agent that you may see` },
  );
}

function agentsNamedIn(raw: unknown): { id: string; path: string[]; of: string }[] {
  const steps = read(raw, 'steps');
  const named = (isList(steps) ? steps : []).flatMap((step, index) => {
    const of = `of ${quoted(String(read(step, 'name') ?? ''))} `;
    const agentId = read(step, 'type') === 'agent' ? read(read(step, 'config'), 'agentId') : undefined;
    return [
      { id: agentId, path: atStep(index, 'config', 'agentId'), of },
      { id: read(read(step, 'retry'), 'fallbackAgent'), path: atStep(index, 'retry', 'fallbackAgent'), of },
    ];
  });
  const fallback = read(read(raw, 'globalRetry'), 'fallbackAgent');
  return [...named, { id: fallback, path: ['globalRetry', 'fallbackAgent'], of: '' }].flatMap(
    ({ id, ...rest }) => (typeof id === 'string' ? { id: id.toLowerCase(), ...rest } : []),
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
