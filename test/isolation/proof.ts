import { randomUUID } from 'node:crypto';
import type { GraphQLSchema } from 'graphql';
import { expect } from 'vitest';
import {
  absent,
  failure,
  failureCode,
  hasEdge,
  ID_FORMS,
  type IdForm,
  leaked,
  withoutIds,
  written,
} from './answers.ts';
import { CALLERS, type Caller, type Case, type Person, type Target } from './case.ts';
import { type Call, callOf, FORMS, type Form, render } from './documents.ts';
import { type Answer, type Line, type Request, TRANSPORTS_OF, type Transport } from './transports.ts';
import type { World } from './world.ts';

/** As many as the API lends connections to the database. */
const AT_ONCE = 8;

/** One way to make a call. */
type Way = { form: Form; ids: IdForm; transport: Transport };

/** What was called: distinct by document, variables, caller and transport, B's own calls and those for absent ids aside. */
export type Tally = { calls: Set<string> };

type Proof = { schema: GraphQLSchema; world: World; coordinate: string; how: Case; call: Call; tally: Tally };

/**
 * Proves one case: for its owner it succeeds; for every other caller it answers as the case says, by the
 * rule as if nothing were there, and leaves B's rows as they were.
 *
 * @param thorough all pairs of an id's form, a document's form and a transport; otherwise each caller takes two ways to a
 *   root field and one to an edge, so that together they take all
 */
export async function prove(
  { schema, world, coordinate, how, tally }: Omit<Proof, 'call'>,
  thorough: boolean,
): Promise<void> {
  const proof = { schema, world, coordinate, how, tally, call: callOf(schema, coordinate, how) };
  const ways = waysOf(proof, thorough);
  for (const way of new Set(Object.values(ways).flat())) await succeedsForOwner(proof, way);
  const target = how.target ? await world.make(how.target) : {};
  let before = await world.checksum();
  for (const caller of CALLERS) {
    // Changes that one call waits for would be seen by another; without, many may ask at once.
    const atOnce = how.provoke ? 1 : AT_ONCE;
    for (let at = 0; at < ways[caller].length; at += atOnce) {
      await Promise.all(
        ways[caller].slice(at, at + atOnce).map((way) => isKeptFrom(proof, caller, way, target)),
      );
    }
    if (proof.call.operation === 'mutation') before = await unchanged(proof, before, caller);
  }
  if (!how.provoke) await unchanged(proof, before, 'everybody');
}

/** Whatever a caller was told: of B's nothing has changed, but by who may. */
async function unchanged(
  { world, how }: Proof,
  before: Record<string, string>,
  who: Caller | 'everybody',
): Promise<Record<string, string>> {
  const after = await world.checksum();
  const may = who !== 'everybody' && how.seen?.[who]?.as === 'the owner';
  if (!may) expect({ who, rows: after }).toEqual({ who, rows: before });
  return after;
}

/** The ways that each caller takes; the owner takes all of them. */
function waysOf({ call, coordinate, how }: Proof, thorough: boolean): Record<Caller, Way[]> {
  const named = how.target !== undefined && call.variables.size > 0;
  const ids = named ? ID_FORMS : (['row id'] as const);
  const forms = call.variables.size > 0 ? FORMS : FORMS.filter((form) => form !== 'literals');
  const transports = how.transports ?? TRANSPORTS_OF[call.operation];
  const all = ids.flatMap((id, i) =>
    forms.flatMap((form, f) =>
      transports.map((transport, t) => ({
        way: { form, ids: id, transport },
        isEven: (i + f + t) % 2 === 0,
      })),
    ),
  );
  // Half of them still hold each pair of an id's form, a document's form and a transport.
  const pairs = all.filter(({ isEven }) => isEven).map(({ way }) => way);
  // One step moves every axis, so that a few ways meet all their values.
  const few = Array.from({ length: FORMS.length }, (_, at) => ({
    form: forms[at % forms.length] ?? 'variables',
    ids: ids[at % ids.length] ?? 'row id',
    transport: transports[at % transports.length] ?? 'POST',
  }));
  const count = isEdge(coordinate) ? 1 : 2;
  const waysFor = (caller: number) => {
    if (thorough) return isEdge(coordinate) ? few : pairs;
    return Array.from({ length: count }, (_, at) => few[(caller * count + at) % few.length] ?? []).flat();
  };
  return Object.fromEntries(CALLERS.map((caller, at) => [caller, waysFor(at)])) as Record<Caller, Way[]>;
}

async function succeedsForOwner({ schema, world, coordinate, how, call }: Proof, way: Way): Promise<void> {
  const target = how.target ? await world.make(how.target) : {};
  const who = how.owner ?? 'owner';
  const answer = await asked(world, world.lines[who], { call, how, way, target, who: 'owner' });
  expect({ coordinate, way, failure: failure(schema, answer, isEdge(coordinate)) }).toEqual({
    coordinate,
    way,
    failure: undefined,
  });
}

async function isKeptFrom(proof: Proof, caller: Caller, way: Way, target: Target): Promise<void> {
  const { schema, world, coordinate, how, call, tally } = proof;
  const line = world.lines[caller];
  const seen = how.seen?.[caller]?.as;
  const request = requestOf(call, way, target, tenantOf(world, caller));
  tally.calls.add(JSON.stringify([request, caller, way.transport]));
  const answer = await asked(world, line, { call, how, way, target, who: caller, request });
  const context = { coordinate, caller, way };
  expect({ ...context, isBug: JSON.stringify(answer).includes('INTERNAL_SERVER_ERROR'), answer }).toEqual({
    ...context,
    isBug: false,
    answer,
  });

  const said = withoutIds(answer, target);
  if (seen === 'the owner') {
    expect({ ...context, failure: failure(schema, answer, isEdge(coordinate)) }).toEqual({
      ...context,
      failure: undefined,
    });
    return;
  }
  if (seen === 'forbidden') {
    expect({ ...context, code: failureCode(schema, answer) }).toEqual({ ...context, code: 'FORBIDDEN' });
    return;
  }
  if (seen === 'parent only') {
    expect({ ...context, hasEdge: hasEdge(answer) }).toEqual({ ...context, hasEdge: false });
    expect({ ...context, failure: failure(schema, answer, false) }).toEqual({
      ...context,
      failure: undefined,
    });
    return;
  }
  expect({ ...context, leaked: leaked(said, world.secrets()), said }).toEqual({
    ...context,
    leaked: [],
    said,
  });
  if (seen === 'on his own' || !how.target) return;
  const nothing = absent(target);
  const missed = await asked(world, line, { call, how, way, target: nothing, who: caller });
  expect({ ...context, said }).toEqual({ ...context, said: withoutIds(missed, nothing) });
}

function isEdge(coordinate: string): boolean {
  return !/^(Query|Mutation|Subscription)\./.test(coordinate);
}

function requestOf(call: Call, { form, ids }: Way, target: Target, ownTenant: string): Request {
  const values = {
    ...written(target, ids),
    ...(call.variables.has('ownTenant') && { ownTenant }),
    ...(call.variables.has('fresh') && { fresh: `fresh-${randomUUID()}` }),
  };
  const query = render(call, form, values);
  return { query, variables: form === 'literals' ? {} : values };
}

/** The caller as somebody with rows of his own. */
function ownOf({ others, owner }: World, who: Caller | 'owner'): Person | undefined {
  if (who === 'owner') return owner;
  return who === 'anon' || who === 'expired' ? undefined : others[who];
}

/** The tenant that the caller is the admin of; for those who are nobody, somebody else's. */
function tenantOf(world: World, who: Caller | 'owner'): string {
  return (ownOf(world, who) ?? world.others.stranger).tenantId;
}

type Asking = {
  call: Call;
  how: Case;
  way: Way;
  target: Target;
  who: Caller | 'owner';
  request?: Request;
};

/** The answer; of a subscription that waits for a change the first one, after changes of B's and of the caller's own. */
async function asked(
  world: World,
  line: Line,
  { call, how, way, target, who, request }: Asking,
): Promise<Answer> {
  let answer: Answer | undefined;
  const sending = line
    .send(way.transport, request ?? requestOf(call, way, target, tenantOf(world, who)))
    .then((came) => {
      answer = came;
      return came;
    });
  const own = ownOf(world, who);
  while (how.provoke && answer === undefined) {
    await how.provoke(world.api, world.owner);
    if (own && own !== world.owner) await how.provoke(world.api, own);
  }
  return sending;
}
