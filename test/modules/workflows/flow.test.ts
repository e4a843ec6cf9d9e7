import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloned } from '../../../src/modules/workflows/clone.ts';
import { type Flowing, flowOf, reachableFrom } from '../../../src/modules/workflows/flow/flow.ts';
import { structureFaults } from '../../../src/modules/workflows/validation/structure.ts';
import { choice, definitionOf, delay, id, type LooseStep, loop } from './definitions.ts';

/** Edges as `a then b`, by name. */
function edgesOf(definition: Flowing): string[] {
  const { nodes, edges } = flowOf(definition);
  const names = new Map(nodes.map((node) => [node.id, node.name]));
  return edges.map(({ from, to, kind }) => `${names.get(from)} ${kind} ${names.get(to)}`);
}

describe('the flow of a definition', () => {
  it('goes from a step to the next in the array', () => {
    expect(edgesOf(definitionOf([delay('a'), delay('b'), delay('c')]))).toEqual(['a next b', 'b next c']);
  });

  it('takes the steps of branches out of the line and goes on behind the condition', () => {
    const steps = [
      choice('if', { then: ['b', 'c'], else: ['d'] }),
      delay('b'),
      delay('c'),
      delay('d'),
      delay('e'),
    ];
    expect(edgesOf(definitionOf(steps))).toEqual([
      ...['if then b', 'if else d', 'b next c', 'c next e', 'd next e'],
    ]);
  });

  it('passes by where there is no else, and where a branch is empty', () => {
    const steps = [choice('if', { then: ['b'] }), delay('b'), choice('or', {}), delay('e')];
    expect(edgesOf(definitionOf(steps))).toEqual([
      ...['if then b', 'if else or', 'b next or', 'or then e', 'or else e'],
    ]);
  });

  it('goes round a loop, and on from the loop itself', () => {
    const steps = [loop('each', ['b', 'c']), delay('b'), delay('c'), delay('e')];
    expect(edgesOf(definitionOf(steps))).toEqual([
      ...['each loop b', 'each next e', 'b next c', 'c repeat each'],
    ]);
  });

  it('goes back to the loop from branches at the end of its body', () => {
    const steps = [loop('each', ['if']), choice('if', { then: ['b'] }), delay('b')];
    expect(edgesOf(definitionOf(steps))).toEqual([
      ...['each loop if', 'if then b', 'if repeat each', 'b repeat each'],
    ]);
  });

  it('goes on behind the step that another stands in for, whoever shares it', () => {
    const fallback = { onError: 'fallback', fallbackStepId: id('help') };
    const steps = [delay('a', fallback), delay('b', fallback), delay('c'), delay('help')];
    expect(edgesOf(definitionOf(steps))).toEqual([
      ...['a next b', 'a fallback help', 'b next c', 'b fallback help', 'help next b', 'help next c'],
    ]);
    expect(structureFaults(definitionOf(steps)).faults).toEqual([]);
  });

  it('follows `next` where a step says so, several in parallel', () => {
    const to = (...names: string[]) => ({ metadata: { next: names.map(id) } });
    const steps = [
      delay('a', to('b', 'c')),
      delay('b', to('d')),
      delay('c', to('d')),
      delay('d', to()),
      delay('e'),
    ];
    expect(edgesOf(definitionOf(steps))).toEqual(['a next b', 'a next c', 'b next d', 'c next d']);
  });

  it('draws what undoes a step beside the line', () => {
    const steps = [delay('a', { metadata: { compensate: id('undo') } }), delay('undo'), delay('b')];
    expect(edgesOf(definitionOf(steps))).toEqual(['a next b', 'a compensate undo']);
  });

  it('begins where it says, whatever the case of the ids', () => {
    const { nodes } = flowOf({
      ...definitionOf([delay('x'), delay('a')]),
      startStepId: id('a').toUpperCase(),
    });
    expect(nodes.map(({ name, isStart, isReachable }) => ({ name, isStart, isReachable }))).toEqual([
      { name: 'x', isStart: false, isReachable: false },
      { name: 'a', isStart: true, isReachable: true },
    ]);
  });
});

/** A workflow as a tree, from which both a definition and the edges that it must have are made. */
type Item =
  | { at: 'step'; fallback: boolean }
  | { at: 'if'; then: Item[]; else: Item[] }
  | { at: 'loop'; body: Item[] };

const { items } = fc.letrec<{ items: Item[]; item: Item }>((tie) => ({
  items: fc.array(tie('item'), { minLength: 1, maxLength: 4 }),
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ at: fc.constant('step' as const), fallback: fc.boolean() }),
    fc.record({
      at: fc.constant('if' as const),
      then: tie('items'),
      else: fc.oneof(fc.constant<Item[]>([]), tie('items')),
    }),
    fc.record({ at: fc.constant('loop' as const), body: tie('items') }),
  ),
}));

type Made = { main: LooseStep[]; held: LooseStep[]; edges: string[] };

/** Writes the tree out in continuation-passing style: `after` is where whatever comes last goes on. */
function madeOf(tree: readonly Item[]): Made {
  let count = 0;
  const held: LooseStep[] = [];
  const edges: string[] = [];
  const nameAll = (list: readonly Item[]) => list.map((item) => ({ item, name: `s${count++}` }));

  function write(list: ReturnType<typeof nameAll>, after: string[]): LooseStep[] {
    return list.map(({ item, name }, index) => {
      const following = list[index + 1];
      const onward = following ? [`next ${following.name}`] : after;
      const go = (as?: string) =>
        edges.push(...onward.map((to) => `${name} ${as ? to.replace(/^next/, as) : to}`));
      if (item.at === 'step') {
        go();
        if (!item.fallback) return delay(name);
        const stand = `s${count++}`;
        edges.push(`${name} fallback ${stand}`, ...onward.map((to) => `${stand} ${to}`));
        held.push(delay(stand));
        return delay(name, { onError: 'fallback', fallbackStepId: id(stand) });
      }
      if (item.at === 'loop') {
        const body = nameAll(item.body);
        edges.push(`${name} loop ${body[0]?.name}`);
        go();
        held.push(...write(body, [`repeat ${name}`]));
        return loop(
          name,
          body.map((step) => step.name),
        );
      }
      const then = nameAll(item.then);
      const otherwise = nameAll(item.else);
      for (const [kind, branch] of [['then', then] as const, ['else', otherwise] as const]) {
        if (branch[0]) edges.push(`${name} ${kind} ${branch[0].name}`);
        else go(kind);
        held.push(...write(branch, onward));
      }
      return choice(name, { then: then.map((step) => step.name), else: otherwise.map((step) => step.name) });
    });
  }
  return { main: write(nameAll(tree), []), held, edges };
}

/** Main line in its order, with the held steps strewn in anywhere behind the start. */
const definitions = items
  .map(madeOf)
  .filter(({ main, held }) => main.length + held.length <= 100)
  .chain((made) =>
    fc.array(fc.nat(), { minLength: made.held.length, maxLength: made.held.length }).map((spots) => {
      const steps = [...made.main];
      for (const [at, step] of made.held.entries()) {
        steps.splice(1 + ((spots[at] ?? 0) % steps.length), 0, step);
      }
      return { definition: definitionOf(steps), edges: made.edges };
    }),
  );

describe('the flow of any workflow', () => {
  it('is that of the tree it was written from, wherever in the array its branches stand', () => {
    fc.assert(
      fc.property(definitions, ({ definition, edges }) => {
        expect(edgesOf(definition).sort()).toEqual([...new Set(edges)].sort());
      }),
      { numRuns: 500 },
    );
  });

  it('reaches every step, ends somewhere and goes round nothing but loops', () => {
    fc.assert(
      fc.property(definitions, ({ definition }) => {
        const { faults, flow } = structureFaults(definition);
        expect(faults).toEqual([]);
        expect(flow.nodes.every(({ isReachable }) => isReachable)).toBe(true);
        const onward = flow.edges.filter(({ kind }) => kind !== 'repeat');
        for (const node of flow.nodes) expect(reachableFrom(node.id, onward).has(node.id)).toBe(false);
        const leaving = new Set(flow.edges.map(({ from }) => from));
        const inLoops = flow.edges.every(({ kind }) => kind !== 'repeat');
        expect(!inLoops || flow.nodes.some((node) => !leaving.has(node.id))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is the same for a clone, but for the ids', () => {
    fc.assert(
      fc.property(definitions, ({ definition }) => {
        const copy = cloned(definition);
        expect(edgesOf(copy)).toEqual(edgesOf(definition));
        const ids = new Set(definition.steps.map((step) => step.id));
        expect(flowOf(copy).nodes.filter((node) => ids.has(node.id))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('leads only from step to step, whatever is stored', () => {
    const ids = fc.constantFrom(id('a'), id('b'), id('c'), 'x', 7, null);
    const link = fc.oneof(fc.array(ids, { maxLength: 4 }), ids, fc.anything());
    const step = fc.record(
      {
        id: ids,
        name: fc.oneof(fc.string(), fc.anything()),
        type: fc.constantFrom('condition', 'loop', 'delay', 'new', 3),
        config: fc.oneof(
          fc.record({ then: link, else: link, stepIds: link }, { requiredKeys: [] }),
          fc.anything(),
        ),
        fallbackStepId: ids,
        metadata: fc.oneof(fc.record({ next: link, compensate: ids }, { requiredKeys: [] }), fc.anything()),
      },
      { requiredKeys: [] },
    );
    const stored = fc.oneof(fc.array(fc.oneof(step, fc.anything()), { maxLength: 8 }), fc.anything());
    fc.assert(
      fc.property(stored, (steps) => {
        const { nodes, edges } = structureFaults({ startStepId: id('a'), steps }).flow;
        const known = new Set(nodes.map((node) => node.id));
        expect(edges.filter(({ from, to }) => !known.has(from) || !known.has(to))).toEqual([]);
        expect(known.size).toBe(nodes.length);
      }),
      { numRuns: 500 },
    );
  });
});
