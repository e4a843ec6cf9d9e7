import {
  buildSchema,
  type ExecutionArgs,
  execute,
  type GraphQLFieldResolver,
  GraphQLInt,
  GraphQLList,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSchema,
  type GraphQLTypeResolver,
  parse,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { createExecutor } from '../../src/graphql/planned-queries.ts';

const schema = buildSchema(`
  type Query { echo(text: String, count: Int = 2, shape: Shape): [Line!]  fails: Int  required: Line! }
  type Mutation { add: Int! }
  type Line { text: String!  at: Int  broken: Int }
  input Shape { text: String!  counts: [Int!] }
`);

/** Resolvers that are told apart by what they count, some of them late and some of them failing. */
function root() {
  const seen = { added: 0 };
  const line = (text: string, at: number) => ({ text, at: Promise.resolve(at), broken: () => fail() });
  const fail = () => {
    throw new Error('out of order');
  };
  return {
    seen,
    echo: ({ text, count, shape }: { text?: string; count: number; shape?: { text: string } }) =>
      Promise.resolve(Array.from({ length: count }, (_, at) => line(text ?? shape?.text ?? '', at))),
    fails: fail,
    required: () => null,
    add: () => {
      seen.added += 1;
      return seen.added;
    },
  };
}

const TIMES = 6;

/** The answers to an operation that comes again and again. */
async function answers(
  query: string,
  variableValues?: ExecutionArgs['variableValues'],
  operationName?: string,
) {
  const executor = createExecutor();
  const args = { schema, document: parse(query), rootValue: root(), variableValues, operationName };
  const all: unknown[] = [];
  for (let time = 0; time < TIMES; time += 1) all.push(await executor(args));
  return all;
}

/** @param seen what resolvers write down of what they are given */
async function expectSeenAsByGraphqlJs(args: ExecutionArgs, seen: unknown[]): Promise<void> {
  await execute(args);
  const expected = JSON.stringify(seen);
  expect(seen).not.toEqual([]);
  const executor = createExecutor();
  for (let time = 0; time < TIMES; time += 1) {
    seen.length = 0;
    await executor(args);
    expect(JSON.stringify(seen)).toBe(expected);
  }
}

describe('a query that keeps coming', () => {
  it.each<[string, string, ExecutionArgs['variableValues']?, string?]>([
    ['a list', '{ echo(count: 3) { text at __typename } }'],
    [
      'variables',
      'query ($t: String, $n: Int) { echo(text: $t, count: $n) { at text } }',
      { t: 'a"b', n: 2 },
    ],
    ['an input object', 'query ($s: Shape) { echo(shape: $s) { text } }', { s: { text: 'x', counts: [1] } }],
    ['a missing variable', 'query ($s: Shape!) { echo(shape: $s) { text } }', {}],
    ['a faulty variable', 'query ($n: Int) { echo(count: $n) { text } }', { n: 'many' }],
    ['a field that fails', '{ fails echo { text broken } }'],
    ['a null where none may be', '{ required { text } }'],
    [
      'an alias and a fragment',
      'query { a: echo { ...L } b: echo(count: 1) { ...L at } } fragment L on Line { text }',
    ],
    [
      'skip and include',
      'query ($no: Boolean = false) { echo { text @include(if: $no) at @skip(if: $no) } }',
    ],
    ['a key named as the prototype is', '{ echo { __proto__: text at } }'],
    ['the same field twice', '{ echo(count: 1) { text } echo(count: 1) { at ... on Line { text } } }'],
    ['one of two operations', 'query A { echo { text } } query B { echo { at } }', undefined, 'B'],
    ['no such operation', 'query A { echo { text } }', undefined, 'C'],
    ['introspection', '{ __schema { types { name } } __type(name: "Line") { fields { name } } }'],
  ])('is answered as graphql-js answers it: %s', async (_name, query, variableValues, operationName) => {
    const args = { schema, document: parse(query), rootValue: root(), variableValues, operationName };
    const expected = JSON.stringify(await execute(args));
    for (const answer of await answers(query, variableValues, operationName))
      expect(JSON.stringify(answer)).toBe(expected);
  });

  it('has none of its texts become code', async () => {
    const injected = '__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74dglobalThis.injected=1';
    const texts = [
      `{ echo(text: ${JSON.stringify(injected)}, count: 1) { text } }`,
      `{ echo(shape: {text: ${JSON.stringify(injected)}}, count: 1) { text } }`,
      `{ echo(text: """${injected}""", count: 1) { text } }`,
      `query ($t: String = ${JSON.stringify(injected)}) { echo(text: $t, count: 1) { text } }`,
    ];
    for (const text of texts) {
      for (const answer of await answers(text)) {
        expect(answer).toEqual({ data: { echo: [{ text: injected }] } });
      }
    }
    expect('injected' in globalThis).toBe(false);
  });

  it('runs a mutation exactly as often as it is sent', async () => {
    const all = await answers('mutation { add }');
    expect(all).toEqual(Array.from({ length: TIMES }, (_, at) => ({ data: { add: at + 1 } })));
  });
});

describe('values of an abstract type', () => {
  const things = [
    { __typename: 'Line', kind: 'Line', text: 'a', at: 1 },
    { __typename: 'Gap', kind: 'Gap', text: 'b', reason: Promise.resolve('lost') },
  ];

  /** Says what each value is in one of several ways, and counts how often the list was resolved. */
  function open(ways: {
    resolveType?: GraphQLTypeResolver<{ kind: string }, unknown>;
    isTypeOf?: (value: { kind: string }) => boolean;
  }) {
    const schema = buildSchema(`
      type Query { things: [Thing!]  one: Either }
      type Subscription { things: [Thing!] }
      interface Thing { text: String! }
      type Line implements Thing { text: String!  at: Int }
      type Gap implements Thing { text: String!  reason: String }
      type Other { text: String! }
      union Either = Line | Gap`);
    for (const name of ['Thing', 'Either']) Object.assign(schema.getType(name) ?? {}, ways);
    if (ways.isTypeOf) Object.assign(schema.getType('Line') ?? {}, ways);
    const seen = { resolved: 0 };
    const rootValue = {
      things() {
        seen.resolved += 1;
        return things;
      },
      one: Promise.resolve(things[1]),
    };
    return { schema, seen, rootValue };
  }

  const byKind: GraphQLTypeResolver<{ kind: string }, unknown> = ({ kind }) => kind;

  it.each([
    ['{ things { text __typename ... on Line { at } ... on Gap { reason } } }'],
    ['{ one { __typename ... on Thing { text } ...G } } fragment G on Gap { why: reason text }'],
    ['subscription { things { ... on Line { at text } } }'],
  ])('are answered as graphql-js answers them, by one execution each time: %s', async (query) => {
    const { schema, seen, rootValue } = open({ resolveType: byKind });
    const args = { schema, document: parse(query), rootValue };
    const expected = JSON.stringify(await execute(args));
    const { resolved } = seen;
    const executor = createExecutor();
    for (let time = 0; time < TIMES; time += 1) {
      expect(JSON.stringify(await executor(args))).toBe(expected);
      expect(seen.resolved).toBe(resolved * (time + 2));
    }
  });

  it.each<[string, Parameters<typeof open>[0]]>([
    ['says its type later', { resolveType: async ({ kind }) => kind }],
    ['says its type itself', {}],
    ['is recognised by its type', { resolveType: byKind, isTypeOf: ({ kind }) => kind === 'Line' }],
  ])('are left to graphql-js for good where one %s', async (_name, ways) => {
    const { schema, seen, rootValue } = open(ways);
    const args = { schema, document: parse('{ things { text ... on Line { at } } }'), rootValue };
    const expected = JSON.stringify(await execute(args));
    expect(expected).not.toContain('errors');
    const executor = createExecutor();
    for (let time = 0; time < TIMES; time += 1) expect(JSON.stringify(await executor(args))).toBe(expected);
    // Once here, once each time, and once more for the plan that gave up.
    expect(seen.resolved).toBe(1 + TIMES + 1);
  });

  it.each([
    ['Other'],
    ['Query'],
    ['Nothing'],
  ])('of a type that is none of its types are an error: %s', async (name) => {
    const { schema, rootValue } = open({ resolveType: () => name });
    const args = { schema, document: parse('{ things { text } }'), rootValue };
    const expected = JSON.stringify(await execute(args));
    expect(expected).toContain('errors');
    const executor = createExecutor();
    for (let time = 0; time < TIMES; time += 1) expect(JSON.stringify(await executor(args))).toBe(expected);
  });

  it('are told by a resolver that is given what graphql-js gives it', async () => {
    const seen: GraphQLResolveInfo[] = [];
    const { schema, rootValue } = open({
      resolveType(value, _context, info) {
        seen.push(info);
        return value.kind;
      },
    });
    const args = { schema, document: parse('{ all: things { text } }'), rootValue };
    await expectSeenAsByGraphqlJs(args, seen);
  });
});

describe('what a planned query gives its resolvers', () => {
  type Seen = { row: number; info: GraphQLResolveInfo; args: unknown; context: unknown };

  /** A list of two rows whose fields write down what they were given. */
  function recording() {
    const seen: Seen[] = [];
    const note: GraphQLFieldResolver<{ at: number }, unknown> = (row, args, context, info) => {
      seen.push({ row: row.at, args, context, info });
      return row.at;
    };
    const Row = new GraphQLObjectType({
      name: 'Row',
      fields: {
        left: { type: GraphQLInt, args: { by: { type: GraphQLInt } }, resolve: note },
        right: { type: GraphQLInt, resolve: note },
      },
    });
    const fields = { rows: { type: new GraphQLList(Row), resolve: () => [{ at: 0 }, { at: 1 }] } };
    return { schema: new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) }), seen };
  }

  const document = parse('query ($n: Int) { rows { left(by: $n) ...R } } fragment R on Row { right }');
  const variableValues = { n: 3 };

  it('is what graphql-js gives them', async () => {
    const { schema, seen } = recording();
    const args = { schema, document, variableValues, contextValue: { who: 'caller' }, rootValue: { top: 1 } };
    await expectSeenAsByGraphqlJs(args, seen);
  });

  it('has the same links of the path above fields of one row, and none of another execution', async () => {
    const { schema, seen } = recording();
    const executor = createExecutor();
    const lists = new Set<unknown>();
    for (let time = 0; time < TIMES; time += 1) {
      seen.length = 0;
      await executor({ schema, document, variableValues });
      const [left0, right0, left1] = seen.map(({ info }) => info.path.prev);
      expect(left0).toBe(right0);
      expect(left0).not.toBe(left1);
      expect(left0?.prev).toBe(left1?.prev);
      lists.add(left0?.prev);
    }
    expect(lists.size).toBe(TIMES);
  });
});
