import { afterAll, beforeAll, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { insertAgent, insertAgentExecution, insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line, numbered } from '../../support/feed.ts';
import { statementsOf, tablesOf } from '../../support/statements.ts';

let api: TestApi;
let user: User;
let writer: FeedClient;

beforeAll(async () => {
  api = await startApi();
  writer = await connectFeed(api.database.admin);
  user = await api.makeUser();
  const tenantId = await insertTenant(api.admin, [{ user, role: 'member' }]);
  const agentId = await insertAgent(api.admin, tenantId);
  for (const n of [1, 2, 3]) {
    const events = numbered(`${n}/`, 4).map(line);
    const training = await insertTraining(writer, user.id);
    await appendEvents(writer, { kind: 'training', id: training, events });
    const agent = await insertAgentExecution(api.admin, { agentId, userId: user.id });
    await appendEvents(writer, { kind: 'agent', id: agent, events });
  }
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

async function ask(query: string): Promise<{ data: Data; tables: string[] }> {
  let answer: Data;
  const statements = await statementsOf(api.admin, async () => {
    answer = await api.ask(query, {}, user);
  });
  expect(answer.errors).toBeUndefined();
  return { data: answer.data, tables: tablesOf(statements) };
}

const PAGE = 'edges { cursor node { ... on LogEvent { message } } } pageInfo { hasNextPage hasPreviousPage }';
const messagesOf = (page: Data) => page.edges.map((edge: Data) => edge.node.message);

it.each([
  'trainingExecutions',
  'agentExecutions',
])('of a list of %s are one statement for each page that is asked for', async (list) => {
  const { data, tables } = await ask(
    `{ ${list} { edges { node {
      oldest: events(first: 2, types: [LOG]) { ${PAGE} }
      newest: logs(last: 2) { ${PAGE} }
      same: logs(last: 2) { ${PAGE} }
      lastSeq
    } } } }`,
  );
  const runs: Data[] = data[list].edges.map(({ node }: Data) => node);
  expect(runs.map(({ oldest }) => messagesOf(oldest)).toSorted()).toEqual(
    [1, 2, 3].map((n) => [`${n}/0`, `${n}/1`]),
  );
  for (const { newest, same, oldest, lastSeq } of runs) {
    expect(same).toEqual(newest);
    expect(newest.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true });
    expect(oldest.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false });
    expect(newest.edges.at(-1).cursor).toBe('5');
    expect(lastSeq).toBe(5);
  }
  const ofList = list === 'agentExecutions' ? 'agent_executions' : 'training_executions';
  // Two pages and the heads.
  const streams = ['execution_streams', 'execution_streams', 'execution_streams'];
  expect(tables).toEqual([...streams, ofList].toSorted());
});

it('of two kinds in one request are one statement a kind, and each has its own', async () => {
  const { data, tables } = await ask(
    `{ trainingExecutions { edges { node { logs(first: 1) { ${PAGE} } } } }
       agentExecutions { edges { node { logs(first: 1) { ${PAGE} } } } } }`,
  );
  for (const list of ['trainingExecutions', 'agentExecutions']) {
    const found = data[list].edges.map(({ node }: Data) => messagesOf(node.logs)[0]);
    expect(found.toSorted()).toEqual(['1/0', '2/0', '3/0']);
  }
  expect(tables).toEqual([
    'agent_executions',
    'execution_streams',
    'execution_streams',
    'training_executions',
  ]);
});

it('go on from any cursor, in both directions', async () => {
  const seen: string[][] = [];
  for (const page of ['first: 2, after: "2"', 'last: 1, before: "4"', 'after: "5"', 'first: 0']) {
    const { data } = await ask(
      `{ agentExecutions(first: 1) { edges { node { events(${page}) { ${PAGE} } } } } }`,
    );
    seen.push(data.agentExecutions.edges[0].node.events.edges.map((edge: Data) => edge.cursor));
  }
  expect(seen).toEqual([['3', '4'], ['3'], [], []]);
});

it.each(['first: 501', 'first: -1', 'first: 1, last: 1', 'after: "x"'])('refuse %s', async (page) => {
  const { errors } = await api.ask(
    `{ agentExecutions(first: 1) { edges { node { events(${page}) { edges { cursor } } } } } }`,
    {},
    user,
  );
  expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
});
