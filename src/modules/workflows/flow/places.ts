import { HOLDS, type Hold, type Linked } from './links.ts';

/**
 * Where steps stand: on the main line, or in a list that another step holds (a branch, a loop's body, a stand-in). A step
 * may stand in several places, as a message that several branches end with; it runs in each of them.
 */
export type Place = {
  /** Whose place it is; undefined for the main line. */
  readonly owner: Linked | undefined;
  readonly kind: 'main' | Hold;
  /** In the order in which they follow each other unless they say otherwise. */
  readonly members: readonly Linked[];
};

export type Places = {
  readonly byId: ReadonlyMap<string, Linked>;
  readonly all: readonly Place[];
  /** The places that a step stands in. */
  of(step: Linked): readonly Place[];
  /** What a step holds in one of its ways. */
  heldBy(step: Linked, kind: Hold): Place | undefined;
};

/**
 * The main line is made of the start step and of all steps that no other step holds, in the order of the array. Ids that
 * no step has are ignored, and of two steps with the same id the later.
 */
export function placesOf(startStepId: string, steps: readonly Linked[]): Places {
  const byId = new Map<string, Linked>();
  for (const step of steps) if (!byId.has(step.id)) byId.set(step.id, step);
  const distinct = [...byId.values()];
  const held = new Set(distinct.flatMap((step) => HOLDS.flatMap((kind) => step[kind])));
  held.delete(startStepId);
  const main: Place = {
    owner: undefined,
    kind: 'main',
    members: distinct.filter(({ id }) => !held.has(id)),
  };
  const lists = distinct.flatMap((owner) =>
    HOLDS.flatMap((kind): Place[] => {
      const members = [...new Set(owner[kind])].flatMap((id) => byId.get(id) ?? []);
      return members.length > 0 ? [{ owner, kind, members }] : [];
    }),
  );
  const all = [main, ...lists];
  const standing = groupBy(
    all.flatMap((place) => place.members.map((member) => ({ key: member.id, place }))),
  );
  const holding = groupBy(lists.map((place) => ({ key: place.owner?.id ?? '', place })));
  return {
    byId,
    all,
    of: ({ id }) => standing.get(id) ?? [],
    heldBy: ({ id }, kind) => holding.get(id)?.find((place) => place.kind === kind),
  };
}

/** What follows a step within one of its places; nothing where the place ends there. */
export function followers({ members }: Place, step: Linked): Linked[] {
  if (step.next) {
    const wanted = new Set(step.next);
    return members.filter(({ id }) => wanted.has(id));
  }
  const following = members[members.indexOf(step) + 1];
  return following ? [following] : [];
}

function groupBy(entries: readonly { key: string; place: Place }[]): Map<string, Place[]> {
  const groups = new Map<string, Place[]>();
  for (const { key, place } of entries) {
    const group = groups.get(key);
    if (group) group.push(place);
    else groups.set(key, [place]);
  }
  return groups;
}
