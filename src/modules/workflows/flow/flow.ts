import { type Linked, linksOf } from './links.ts';
import { followers, type Places, placesOf } from './places.ts';

/** What an edge means; docs/workflows.md has them in a picture. */
export const EDGE_KINDS = {
  next: 'Follows when the step has ended.',
  then: 'Follows where the conditions hold.',
  else: 'Follows where they do not.',
  loop: 'Begins an iteration of the loop’s body.',
  repeat: 'Goes back to the loop when an iteration has ended.',
  fallback: 'Stands in for the step when it has failed.',
  compensate: 'Undoes the step when the execution is rolled back.',
} as const;

export type EdgeKind = keyof typeof EDGE_KINDS;

export type FlowNode = { id: string; name: string; type: string; isStart: boolean; isReachable: boolean };
export type FlowEdge = { from: string; to: string; kind: EdgeKind };
export type Flow = { nodes: FlowNode[]; edges: FlowEdge[] };

/** What the flow is read from; `steps` may be whatever is stored. */
export type Flowing = { startStepId: string; steps: unknown };

/**
 * Which step may follow which. Made from any definition, valid or not: ids that no step has lead nowhere. Nodes are in the
 * order of the array, edges in the order of the steps that they leave.
 */
export function flowOf({ startStepId, steps }: Flowing): Flow {
  const start = startStepId.toLowerCase();
  const places = placesOf(start, linksOf(steps));
  const leave = leaving(places);
  const edges = [...places.byId.values()].flatMap((step) => edgesFrom(step, places, leave(step)));
  const reached = reachableFrom(start, edges);
  const nodes = [...places.byId.values()].map(({ id, name, type }) => ({
    ...{ id, name, type },
    isStart: id === start,
    isReachable: places.byId.has(start) && (id === start || reached.has(id)),
  }));
  return { nodes, edges };
}

/** Every step that some path of at least one edge leads to from there. */
export function reachableFrom(id: string, edges: readonly FlowEdge[]): Set<string> {
  const outgoing = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const targets = outgoing.get(from);
    if (targets) targets.push(to);
    else outgoing.set(from, [to]);
  }
  const reached = new Set<string>();
  const waiting = [...(outgoing.get(id) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...(outgoing.get(next) ?? []));
  }
  return reached;
}

/** Where the flow goes when a step and all that it holds have ended. */
type Leaving = ReadonlyMap<string, 'next' | 'repeat'>;

function edgesFrom(step: Linked, places: Places, leave: Leaving): FlowEdge[] {
  const edges = new Map<string, FlowEdge>();
  const add = (to: string, kind: EdgeKind) => edges.set(`${kind} ${to}`, { from: step.id, to, kind });
  const away = (as?: EdgeKind) => {
    for (const [to, kind] of leave) add(to, kind === 'repeat' ? kind : (as ?? kind));
  };
  const first = (kind: 'then' | 'else' | 'loop') => places.heldBy(step, kind)?.members[0];

  if (step.type === 'condition') {
    for (const kind of ['then', 'else'] as const) {
      const begin = first(kind);
      if (begin) add(begin.id, kind);
      else away(kind);
    }
  } else {
    const body = first('loop');
    if (body) add(body.id, 'loop');
    away();
  }
  for (const kind of ['fallback', 'compensate'] as const) {
    for (const { id } of places.heldBy(step, kind)?.members ?? []) add(id, kind);
  }
  return [...edges.values()];
}

/** The end of a branch or a stand-in goes on behind its owner, the end of a loop's body back to the loop. */
function leaving(places: Places): (step: Linked) => Leaving {
  const known = new Map<string, Leaving>();
  return function leave(step): Leaving {
    const found = known.get(step.id);
    if (found) return found;
    // Until it is made, for steps that hold each other in a circle.
    known.set(step.id, new Map());
    const targets = new Map<string, 'next' | 'repeat'>();
    for (const place of places.of(step)) {
      const following = followers(place, step);
      for (const { id } of following) targets.set(id, 'next');
      const { owner, kind } = place;
      if (following.length > 0 || !owner || kind === 'compensate') continue;
      if (kind === 'loop') targets.set(owner.id, 'repeat');
      else for (const [to, how] of leave(owner)) targets.set(to, how);
    }
    known.set(step.id, targets);
    return targets;
  };
}
