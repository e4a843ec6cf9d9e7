import { cyclesIn } from '../flow/cycles.ts';
import { type Flow, type Flowing, flowOf } from '../flow/flow.ts';
import { HOLDS, LINK_PATHS, type Linked, linksOf } from '../flow/links.ts';
import { followers, type Places, placesOf } from '../flow/places.ts';
import { atStep, type Fault, quoted } from './fault.ts';

/** Faults in how steps hang together. */
export function structureFaults(definition: Flowing): { faults: Fault[]; flow: Flow } {
  const links = linksOf(definition.steps);
  const places = placesOf(definition.startStepId, links);
  const flow = flowOf(definition);
  const cycles = cyclesIn(definition, places);
  const circling = new Set(cycles.flat().map(({ id }) => id));
  const isLost = new Set(flow.nodes.filter(({ isReachable }) => !isReachable).map(({ id }) => id));
  const faults = [
    ...duplicates(links),
    ...startFault(definition, places),
    ...links.flatMap((step) => [...unfitIds(step, places), ...strayNext(step, places)]),
    ...places.all.flatMap(forksThatFollow),
    ...cycles.map(cycleFault),
    // Without a start nothing is reached, which that fault says already.
    ...(places.byId.has(definition.startStepId) ? links : [])
      .filter(({ id }) => isLost.has(id) && !circling.has(id))
      .map(({ index, name }) => ({
        path: atStep(index),
        message: `is never reached: nothing leads from the start step to ${quoted(name)}`,
      })),
  ];
  return { faults, flow };
}

function duplicates(links: readonly Linked[]): Fault[] {
  const seen = new Map<string, Linked>();
  return links.flatMap((step) => {
    const earlier = seen.get(step.id);
    seen.set(step.id, earlier ?? step);
    if (!earlier) return [];
    const message = `must be unique: ${quoted(step.name)} has the id of ${quoted(earlier.name)}`;
    return { path: atStep(step.index, 'id'), message };
  });
}

function startFault({ startStepId }: Flowing, { byId }: Places): Fault[] {
  if (byId.has(startStepId)) return [];
  return [{ path: ['startStepId'], message: `must be the id of a step: none has ${quoted(startStepId)}` }];
}

function unfitIds(step: Linked, { byId }: Places): Fault[] {
  return [...HOLDS, 'next' as const].flatMap((kind) => {
    const ids = step[kind] ?? [];
    const isList = kind !== 'fallback' && kind !== 'compensate';
    return ids.flatMap((id, at) => {
      const path = atStep(step.index, ...LINK_PATHS[kind], ...(isList ? [String(at)] : []));
      const named = byId.get(id);
      if (named && ids.indexOf(id) === at) return [];
      const message = named
        ? `must not name ${quoted(named.name)} again`
        : `must be the id of a step: none has ${quoted(id)}`;
      return { path, message: `of ${quoted(step.name)} ${message}` };
    });
  });
}

/** `next` leads on within a place; into a branch or a loop only its owner leads. */
function strayNext(step: Linked, places: Places): Fault[] {
  return (step.next ?? []).flatMap((id, at) => {
    const target = places.byId.get(id);
    const isStray = target && places.of(step).some(({ members }) => !members.includes(target));
    if (!isStray) return [];
    const message = `of ${quoted(step.name)} must stay where the step is: ${quoted(target.name)} stands in another list of steps`;
    return { path: atStep(step.index, ...LINK_PATHS.next, String(at)), message };
  });
}

/** B and C follow A in parallel, but B, which says nothing, also leads to C, the next in the list: not what was meant. */
function forksThatFollow(place: Places['all'][number]): Fault[] {
  return place.members.flatMap((fork) => {
    const parallel = followers(place, fork);
    if (!fork.next || parallel.length < 2) return [];
    return parallel.flatMap((step) => {
      const following = step.next
        ? undefined
        : followers(place, step).find((next) => parallel.includes(next));
      if (!following) return [];
      const message =
        `of ${quoted(step.name)} is required: it runs in parallel with ${quoted(following.name)}, ` +
        'which would also follow it as the next in the list';
      return { path: atStep(step.index, ...LINK_PATHS.next), message };
    });
  });
}

function cycleFault(steps: readonly Linked[]): Fault {
  const [first] = steps;
  const last = steps.at(-1);
  const circle = [...steps, ...(first ? [first] : [])].map(({ name }) => quoted(name)).join(' → ');
  const message = `goes round in a circle, which only a loop may: ${circle}`;
  return { path: last ? atStep(last.index) : ['steps'], message };
}
