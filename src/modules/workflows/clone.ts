import { randomUUID } from 'node:crypto';
import { linksOf } from './flow/links.ts';

type Cloneable = { startStepId: string; steps: unknown };

/**
 * A definition whose steps have ids of their own. Uuids occur by accident nowhere, so every mention of an old id is
 * rewritten, in whatever text it stands: lists of steps, expressions, templates, what clients keep in `metadata`.
 */
export function cloned<Definition extends Cloneable>(definition: Definition): Definition {
  const ids = new Map(linksOf(definition.steps).map(({ id }) => [id, randomUUID() as string]));
  const startStepId = ids.get(definition.startStepId.toLowerCase()) ?? definition.startStepId;
  return { ...definition, startStepId, steps: rewritten(definition.steps, ids) };
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

function rewritten(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return value.replaceAll(UUID, (id) => ids.get(id.toLowerCase()) ?? id);
  if (Array.isArray(value)) return value.map((inner) => rewritten(inner, ids));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, rewritten(inner, ids)]);
  return Object.fromEntries(entries);
}
