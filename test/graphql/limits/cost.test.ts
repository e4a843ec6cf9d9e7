import { buildSchema, getIntrospectionQuery, getOperationAST, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createMeasure, type Sizing } from '../../../src/graphql/limits/cost.ts';

const schema = buildSchema(`
  type Query { agents(first: Int, last: Int): Agents!  viewer: Viewer  many(ids: [ID!]!): [Agent]  search: [Found!]! }
  type Agents { edges: [AgentEdge!]!  pageInfo: Page!  totalCount: Int! }
  type AgentEdge { node: Agent!  cursor: String! }
  type Agent { id: ID!  name: String!  tags: [String!]!  runs(first: Int = 5, last: Int): Runs!  tools: [Tool!]! }
  type Runs { edges: [RunEdge!]! }
  type RunEdge { node: Run! }
  type Run { id: ID! }
  type Tool { name: String! }
  type Page { hasNextPage: Boolean! }
  type Viewer { id: ID!  tenants: [Tenant!]! }
  type Tenant { id: ID! }
  union Found = Agent | Run
`);
const measure = createMeasure(schema);

function costOf(query: string, sizing: Sizing = { variables: {} }) {
  const document = parse(query);
  const operation = getOperationAST(document, 'Q') ?? getOperationAST(document);
  if (!operation) throw new Error('no operation');
  return measure(document, operation, 50, sizing);
}

describe('the cost of an operation', () => {
  it.each([
    ['a field', '{ viewer { id } }', 2],
    ['a page that is given', '{ agents(first: 3) { edges { node { id } } } }', 1 + 1 + 3 + 3],
    ['a page by default', '{ agents { edges { node { id } } } }', 1 + 1 + 20 + 20],
    ['what stands beside the edges', '{ agents(first: 100) { totalCount pageInfo { hasNextPage } } }', 4],
    [
      'a page in a page',
      '{ agents(last: 2) { edges { node { runs(first: 3) { edges { node { id } } } } } } }',
      1 + 1 + 2 + 2 + 2 + 6 + 6,
    ],
    ['lists of values', '{ agents(first: 1) { edges { node { tags } } } }', 4],
    ['lists without pages', '{ viewer { tenants { id } } }', 1 + 1 + 5],
    ['a list of ids', '{ many(ids: ["1", "2", "3", "4", "5", "6", "7"]) { id } }', 1 + 7],
    ['the same field twice', '{ viewer { id } viewer { id } ... { viewer { id } } }', 2],
    [
      'fragments',
      '{ ...A } fragment A on Query { agents(first: 2) { ...B } } fragment B on Agents { edges { cursor } }',
      4,
    ],
    ['members of a union', '{ search { ... on Agent { id name } ... on Run { id } __typename } }', 1 + 5 * 3],
    ['fields that do not exist', '{ nothing { of { the kind } } }', 4],
  ])('counts %s', (_name, query, cost) => {
    expect(costOf(query).cost).toBe(cost);
  });

  it('takes page sizes from variables, their defaults, and the largest page where they are not known', () => {
    const query = 'query Q($n: Int = 7) { agents(first: $n) { edges { cursor } } }';
    expect(costOf(query, { variables: { n: 4 } }).cost).toBe(2 + 4);
    expect(costOf(query, { variables: {} }).cost).toBe(2 + 7);
    expect(costOf(query, { variables: null }).cost).toBe(2 + 7);
    expect(costOf(query, 'largest').cost).toBe(2 + 100);
    expect(costOf(query, 'smallest').cost).toBe(2 + 1);
    expect([...costOf(query).sizedBy]).toEqual(['n']);
  });

  it('counts a list of ids in variables', () => {
    const query = 'query Q($ids: [ID!]!) { many(ids: $ids) { id } }';
    expect(costOf(query, { variables: { ids: Array(500).fill('1') } }).cost).toBe(501);
  });

  it('takes sizes that make no sense for the smallest', () => {
    expect(costOf('{ agents(first: -5) { edges { cursor } } }').cost).toBe(2 + 1);
    expect(
      costOf('query Q($n: Int) { agents(first: $n) { edges { cursor } } }', { variables: { n: Number.NaN } })
        .cost,
    ).toBe(2 + 20);
  });

  it('counts what is asked of the schema by itself', () => {
    const { cost, introspection, depth } = costOf(getIntrospectionQuery());
    expect(cost).toBe(0);
    expect(introspection).toBeGreaterThan(100);
    expect(depth).toBeGreaterThan(10);
  });

  it('ends with fragments that spread themselves', () => {
    expect(costOf('{ ...A } fragment A on Query { ...A viewer { id } }').cost).toBe(2);
    expect(() =>
      costOf('{ ...A } fragment A on Query { viewer { ...B } } fragment B on Viewer { viewer { ...B } }'),
    ).toThrow(/more than 50 deep/);
  });
});
