import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertConfig, startApi, type TestApi, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining } from '../../support/feed.ts';

let api: TestApi;
let user: User;
let writer: FeedClient;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  writer = await connectFeed(api.database.admin);
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

const NUL = '\u0000';
const HALF_A_PAIR = '\ud800';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const ask = (query: string, variables: object) => api.ask(query, variables, user);
const codes = async (query: string, variables: object) =>
  (await ask(query, variables)).errors?.map(({ extensions }) => extensions?.code);

describe('text that no row can hold', () => {
  it.each([
    ['U+0000', NUL],
    ['half a surrogate pair', HALF_A_PAIR],
    ['a global id with U+0000', base64(`TrainingExecution:exec_${NUL}`)],
  ])('names nothing as an id: %s', async (_name, id) => {
    const read = '($id: ID!) { trainingExecution(id: $id) { id } trainingDataset(id: $id) { id } }';
    expect(await ask(`query ${read}`, { id })).toEqual({
      data: { trainingExecution: null, trainingDataset: null },
    });
    const write = (field: string) => `${field} { __typename ... on Error { code } }`;
    const { data } = await ask(
      `mutation ($id: ID!) {
         ${write('retryTraining(id: $id)')} ${write('cancelTraining(id: $id)')}
         ${write('appendTrainingLogs(id: $id, lines: [{message: "x"}])')} }`,
      { id },
    );
    for (const answer of Object.values(data)) expect(answer).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('names nothing for node', async () => {
    const id = base64(`TrainingExecution:exec_${NUL}`);
    expect(await ask('query ($id: ID!) { node(id: $id) { id } }', { id })).toEqual({ data: { node: null } });
  });

  it('is found by no filter', async () => {
    const query = `query ($text: String!) {
      trainingExecutions(filter: {publicId: $text}) { totalCount edges { cursor } }
      trainingConfigs(filter: {nameContains: $text}) { totalCount edges { cursor } }
      trainingConfig(publicId: $text) { id } }`;
    const none = { totalCount: 0, edges: [] };
    expect(await ask(query, { text: NUL })).toEqual({
      data: { trainingExecutions: none, trainingConfigs: none, trainingConfig: null },
    });
  });

  it('is a 404 over HTTP', async () => {
    for (const id of ['%00', 'exec_%00', '%ff']) {
      const headers = { authorization: `Bearer ${user.token}` };
      const { status } = await fetch(`${api.url}/api/training/execute/${id}/status`, { headers });
      expect(status).toBe(404);
    }
  });

  it.each([
    ['U+0000', NUL],
    ['nothing', ''],
    ['10,000 characters', 'x'.repeat(10_000)],
  ])('is no idempotency key of a retry: %s', async (_name, key) => {
    const id = await insertTraining(writer, user.id);
    const mutation = `mutation ($id: ID!, $key: String) {
      cancelTraining(id: $id) { __typename }
      retryTraining(id: $id, idempotencyKey: $key) { ... on Error { code path } } }`;
    const { data } = await ask(mutation, { id, key });
    expect(data.retryTraining).toEqual({ code: 'VALIDATION_FAILED', path: ['idempotencyKey'] });
  });

  it.each([
    ['U+0000', NUL],
    ['100,000 characters', 'x'.repeat(100_000)],
  ])('is no reason to cancel: %s', async (_name, reason) => {
    const id = await insertTraining(writer, user.id);
    const mutation =
      'mutation ($id: ID!, $reason: String) { cancelTraining(id: $id, reason: $reason) { ... on Error { code path } } }';
    const { data } = await ask(mutation, { id, reason });
    expect(data.cancelTraining).toEqual({ code: 'VALIDATION_FAILED', path: ['reason'] });
  });
});

describe('values beyond what is meant', () => {
  it('refuses settings that are nested without end', async () => {
    const { publicId } = await insertConfig(api.admin, user.id);
    const depth = 50_000;
    const config = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const body = `{"query": "mutation ($config: JSON) { startTraining(input: {publicId: \\"${publicId}\\", method: SFT, provider: LOCAL, config: $config}) { ... on Error { code path } } }", "variables": {"config": {"a": ${config}}}}`;
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${user.token}` };
    const response = await fetch(`${api.url}/graphql`, { method: 'POST', headers, body });
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'QUERY_TOO_DEEP' } }] });
  });

  it('shows an estimate that no Int can hold as the longest it can', async () => {
    const id = await insertTraining(writer, user.id);
    const mutation = `mutation ($id: ID!) {
      reportTrainingProgress(id: $id, input: {percent: 1, etaSeconds: 1e300}) {
        ... on AppendedEvents { execution { etaSeconds } } } }`;
    const { data, errors } = await ask(mutation, { id });
    expect(errors).toBeUndefined();
    expect(data.reportTrainingProgress.execution.etaSeconds).toBe(2 ** 31 - 1);
  });
});

describe('an argument that is wrong in itself has the code BAD_USER_INPUT', () => {
  it.each([
    ['a number', base64('GPC:N:9')],
    ['text with U+0000', base64(`GPC:S:${NUL}`)],
    ['no id', base64('GPC:S:nonsense')],
    ['no cursor', 'nonsense'],
  ])('as a cursor: %s', async (_name, after) => {
    for (const list of ['trainingConfigs', 'trainingDatasets']) {
      const query = `query ($after: String) { ${list}(first: 1, after: $after) { edges { cursor } } }`;
      expect(await codes(query, { after })).toEqual(['BAD_USER_INPUT']);
    }
  });

  it('as a cursor of runs', async () => {
    const query = 'query ($at: String) { trainingExecutions(first: 1, before: $at) { edges { cursor } } }';
    for (const at of [base64('GPC:N:9'), base64(`GPC:S:${NUL}`), 'nonsense'])
      expect(await codes(query, { at })).toEqual(['BAD_USER_INPUT']);
  });

  it('as the size of a page', async () => {
    const query = 'query ($first: Int) { trainingExecutions(first: $first) { edges { cursor } } }';
    expect(await codes(query, { first: -1 })).toEqual(['BAD_USER_INPUT']);
    expect(await codes(query, { first: 'many' })).toEqual(['BAD_USER_INPUT']);
  });

  it('as a moment', async () => {
    const query =
      'query ($at: DateTime) { trainingExecutions(filter: {createdAfter: $at}) { totalCount edges { cursor } } }';
    expect(await codes(query, { at: '2026-02-30T00:00:00Z' })).toEqual(['BAD_USER_INPUT']);
    expect(await codes(query, { at: '0000-01-01T00:00:00Z' })).toEqual(['BAD_USER_INPUT']);
  });

  it('as a global id of what is no node', async () => {
    const query = 'query ($id: ID!) { node(id: $id) { id } }';
    for (const name of ['User', 'Query', 'Nothing'])
      expect(await codes(query, { id: base64(`${name}:1`) })).toEqual(['BAD_USER_INPUT']);
  });
});
