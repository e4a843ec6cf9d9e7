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
    await execute(args);
    const expected = JSON.stringify(seen);
    const executor = createExecutor();
    for (let time = 0; time < TIMES; time += 1) {
      seen.length = 0;
      await executor(args);
      expect(JSON.stringify(seen)).toBe(expected);
    }
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
