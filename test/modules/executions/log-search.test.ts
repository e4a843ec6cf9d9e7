import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SEARCH_LINES, SEARCH_WINDOW, searchLines } from '../../../src/modules/executions/log-search.ts';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line } from '../../support/feed.ts';
import { HOSTILE_SEARCHES } from '../../support/search-texts.ts';

let api: TestApi;
let user: User;
let writer: FeedClient;
let id: string;

const LINES = [
  'loading model.bin from /srv/models',
  'epoch 1: loss=2.31',
  'CUDA_ERROR_OUT_OF_MEMORY, retrying',
  'epoch 2: loss=1.80',
  'Traceback: ValueError: not a number',
];

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  writer = await connectFeed(api.database.admin);
  id = await insertTraining(writer, user.id);
  await append(id, ...LINES.map(line), { type: 'metric', payload: { step: 1, values: { loss: 1 } } });
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

async function append(execution: string, ...events: Parameters<typeof appendEvents>[1]['events']) {
  await writer.as('service_role');
  const last = await appendEvents(writer, { kind: 'training', id: execution, events });
  await writer.asOwner();
  return last;
}

const SEARCH = `query ($id: ID!, $query: String!, $first: Int, $after: String) {
  searchLogs(executionId: $id, query: $query, first: $first, after: $after) {
    edges { cursor node { seq type ... on LogEvent { message level source } } }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }`;

async function search(variables: object, as: { token: string } | undefined = user): Promise<Data> {
  const { data, errors } = await api.ask(SEARCH, { id, ...variables }, as);
  expect(errors).toBeUndefined();
  return data.searchLogs;
}
const messages = (page: Data) => page.edges.map(({ node }: Data) => node.message);

describe('searchLogs', () => {
  it.each([
    ['epoch', [1, 3]],
    ['"loss 2"', [1]],
    ['loss=2.31', [1]],
    ['out of memory', [2]],
    ['EPOCH -80', [1]],
    ['"epoch 2" or traceback', [3, 4]],
    ['not', [4]],
    ['models', [0]],
    ['model', [0]],
    ['epochs', []],
  ])('finds the lines that match %s, oldest first', async (query, wanted) => {
    const page = await search({ query });
    expect(messages(page)).toEqual(wanted.map((at) => LINES[at]));
    expect(page.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
  });

  it('goes through the matches page by page, with event numbers as cursors', async () => {
    const first = await search({ query: 'epoch', first: 1 });
    expect(messages(first)).toEqual([LINES[1]]);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const second = await search({ query: 'epoch', first: 1, after: first.pageInfo.endCursor });
    expect(messages(second)).toEqual([LINES[3]]);
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(second.edges[0].cursor).toBe(String(second.edges[0].node.seq));
    const third = await search({ query: 'epoch', first: 1, after: second.pageInfo.endCursor });
    expect(third).toMatchObject({ edges: [], pageInfo: { hasNextPage: false } });
    expect(await search({ query: 'epoch', after: '900' })).toMatchObject({
      edges: [],
      pageInfo: { hasNextPage: false, endCursor: '900' },
    });
  });

  it('takes any text', async () => {
    for (const query of HOSTILE_SEARCHES)
      expect((await search({ query })).edges.length).toBeLessThanOrEqual(5);
    for (const query of ['', '!!!']) expect((await search({ query })).edges).toEqual([]);
  });

  it('refuses pages out of 0 to 100 and cursors that are none', async () => {
    for (const variables of [{ first: 101 }, { first: -1 }, { after: 'x' }, { after: '1.5' }]) {
      const { errors } = await api.ask(SEARCH, { id, query: 'epoch', ...variables }, user);
      expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
    }
  });

  it('takes global ids and row ids, of every kind', async () => {
    const agent = await insertAgentRun();
    const global = (typename: string, row: string) => Buffer.from(`${typename}:${row}`).toString('base64');
    expect(messages(await search({ id: global('TrainingExecution', id), query: 'cuda' }))).toEqual([
      LINES[2],
    ]);
    for (const named of [agent, agent.toUpperCase(), global('AgentExecution', agent)]) {
      expect(messages(await search({ id: named, query: 'hello' }))).toEqual(['hello agent']);
    }
    expect(await search({ id: global('WorkflowExecution', agent), query: 'hello' })).toBeNull();
  });

  it('answers for somebody else’s execution as for none', async () => {
    const other = await api.makeUser();
    const answers = [id, 'exec_none', 'no id\u0000', ''].map((named) =>
      search({ id: named, query: 'epoch' }, other),
    );
    expect(await Promise.all(answers)).toEqual([null, null, null, null]);
    const service = { token: await tokenOf({ role: 'service_role' }) };
    expect(messages(await search({ query: 'cuda' }, service))).toEqual([LINES[2]]);
    const { errors } = await api.ask(SEARCH, { id, query: 'epoch' });
    expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });

  it('looks through a window of a long feed at a time, and says where to go on', async () => {
    const long = await insertTraining(writer, user.id);
    await lengthen(long, SEARCH_WINDOW + 500);
    const sought = { executionId: long, kinds: ['training'] as const, query: 'needle', limit: 10 };
    const first = await searchLines(writer, { ...sought, after: 0 });
    expect(first).toEqual({ lines: [], upTo: SEARCH_WINDOW, hasMore: true });
    const second = await searchLines(writer, { ...sought, after: SEARCH_WINDOW });
    expect(second?.lines.map(({ seq }) => seq)).toEqual([SEARCH_WINDOW + 500]);
    expect(second).toMatchObject({ upTo: SEARCH_WINDOW + 500, hasMore: false });
  });

  it('reads one partition by the execution’s key, in the window alone, under the policies', async () => {
    const long = await insertTraining(writer, user.id);
    await lengthen(long, 20_000);
    await api.admin.query('analyze runcast.execution_events');
    await writer.as('authenticated', user.id);
    const values = [long, ['training'], 5_000, 'needle', 21, '%needle%'];
    const rows = await writer.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, costs off) ${SEARCH_LINES}`,
      values,
    );
    await writer.asOwner();
    const executed = rows.map((row) => row['QUERY PLAN']).filter((node) => !node.includes('never executed'));
    const plan = executed.join('\n');
    const partitions = plan.matchAll(/ on (execution_events_(?:\d{4}_\d\d|default)) /g);
    expect(new Set([...partitions].map(([, name]) => name)).size).toBe(1);
    expect(plan).toMatch(/Index Cond: .*execution_id = .*seq > .*seq <= /);
    expect(plan).not.toContain('Seq Scan');
  });
});

async function insertAgentRun(): Promise<string> {
  const { rows } = await api.admin.query(
    `with agent as (
       insert into agents (name, version, category, output_type) values ('a', '1.0.0', 'custom', 'text') returning id)
     insert into agent_executions (agent_id, user_id) select id, $1 from agent returning id`,
    [user.id],
  );
  await writer.as('service_role');
  await appendEvents(writer, { kind: 'agent', id: rows[0].id, events: [line('hello agent')] });
  await writer.asOwner();
  return rows[0].id;
}

/** Lines up to that number, past the feed's functions, the last of them with a needle. */
async function lengthen(execution: string, to: number): Promise<void> {
  await api.admin.query(
    `insert into runcast.execution_events (bucket, kind, execution_id, seq, type, at, attempt, payload)
     select bucket, kind, execution_id, n, 'log', now(), 0, jsonb_build_object('level', 'info', 'source', 'stdout',
       'message', case when n = $2 then 'a needle' else 'step ' || n || ': loss=2.31 lr=0.001 tokens/s=12345' end)
     from runcast.execution_streams, generate_series(last_seq + 1, $2) n where execution_id = $1`,
    [execution, to],
  );
  await api.admin.query('update runcast.execution_streams set last_seq = $2 where execution_id = $1', [
    execution,
    to,
  ]);
}
