import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, type User } from '../support/api.ts';
import { connectFeed, insertTraining } from '../support/feed.ts';
import { askForEvents, resultsOf } from '../support/server-sent.ts';

let api: TestApi;
let user: User;
let id: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  const writer = await connectFeed(api.database.admin);
  id = await insertTraining(writer, user.id);
  await writer.query("update training_executions set status = 'cancelled' where id = $1", [id]);
  await writer.client.end();
});
afterAll(() => api.close());

const FOLLOW = 'subscription ($id: ID!) { executionEvents(id: $id) { lastSeq ended } }';
const TWO = `subscription A($id: ID!) { executionEvents(id: $id) { lastSeq } }
  subscription B($id: ID!) { executionEvents(id: $id) { ended } }`;
const JSON_TYPE = 'application/json';

type Request = { accept?: string; type?: string; body?: string; url?: string; method?: string };

/** What is answered to a request that names its user, whatever else is wrong about it. */
async function answer({ accept = 'text/event-stream', type, body, url = '', method = 'POST' }: Request) {
  const response = await fetch(`${api.url}/graphql${url}`, {
    method,
    headers: { accept, authorization: `Bearer ${user.token}`, ...(type && { 'content-type': type }) },
    ...(body !== undefined && { body }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text: await response.text(),
  };
}

const resultsIn = async (response: Response) => {
  const all: { data?: Data; errors?: Data[] }[] = [];
  for await (const result of resultsOf(response)) all.push(result);
  return all;
};
const plain = (asked: object) => ({ type: JSON_TYPE, body: JSON.stringify(asked) });

describe('a subscription over server-sent events', () => {
  it.each(['GET', 'POST'] as const)('comes by %s, with its variables and its operation', async (method) => {
    const all = await resultsIn(
      await askForEvents(api.url, user, { query: FOLLOW, variables: { id } }, method),
    );
    expect(all).toEqual([{ data: { executionEvents: { lastSeq: 2, ended: true } } }]);
    const asked = { query: TWO, variables: { id }, operationName: 'B' };
    expect(await resultsIn(await askForEvents(api.url, user, asked, method))).toEqual([
      { data: { executionEvents: { ended: true } } },
    ]);
  });

  it.each([
    ['a slash at the end', { url: '/', ...plain({ query: FOLLOW, variables: {} }) }],
    ['a charset', { ...plain({ query: FOLLOW }), type: 'application/json; charset=utf-8' }],
    ['JSON as well', { ...plain({ query: FOLLOW }), accept: 'text/event-stream, application/json' }],
  ])('comes with %s', async (_what, request) => {
    const { status, type, text } = await answer(request);
    expect({ status, type }).toEqual({ status: 200, type: 'text/event-stream; charset=utf-8' });
    expect(text).toContain('Variable \\"$id\\" of required type \\"ID!\\" was not provided.');
  });

  it.each<[string, Request, number, string]>([
    ['a form', { type: 'application/x-www-form-urlencoded', body: `query=${FOLLOW}` }, 415, 'BAD_REQUEST'],
    ['plain text', { type: 'text/plain', body: JSON.stringify({ query: FOLLOW }) }, 415, 'BAD_REQUEST'],
    ['no JSON', { type: JSON_TYPE, body: '{' }, 200, 'BAD_REQUEST'],
    ['an empty body', { type: JSON_TYPE, body: '' }, 200, 'BAD_REQUEST'],
    ['a list', { type: JSON_TYPE, body: '[]' }, 400, 'BAD_REQUEST'],
    ['no document', plain({}), 200, 'BAD_REQUEST'],
    [
      'an operation that it has not',
      plain({ query: FOLLOW, operationName: 'X' }),
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'no choice of two operations',
      plain({ query: TWO, variables: {} }),
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['a document that does not parse', plain({ query: 'subscription {' }), 200, 'GRAPHQL_PARSE_FAILED'],
    [
      'a document that is not valid',
      plain({ query: 'subscription { nothing }' }),
      200,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'parameters in the URL beside the body',
      { ...plain({ query: FOLLOW }), url: '?x=1' },
      200,
      'SUBSCRIPTION_TRANSPORT',
    ],
    ['another method', { ...plain({ query: FOLLOW }), method: 'PUT' }, 405, 'BAD_REQUEST'],
    [
      'a GET of a mutation',
      { method: 'GET', url: '?query=mutation{deleteTrainingConfig(id:"x"){__typename}}' },
      405,
      'BAD_REQUEST',
    ],
    ['a GET of nothing', { method: 'GET' }, 200, 'BAD_REQUEST'],
    [
      'a GET with variables that are no JSON',
      { method: 'GET', url: `?variables={&query=${FOLLOW}` },
      400,
      'BAD_REQUEST',
    ],
  ])('is refused as Yoga refuses anything with %s', async (_what, request, status, code) => {
    const refused = await answer(request);
    expect(refused.status).toBe(status);
    expect(refused.text).toContain(`"code":"${code}"`);
  });

  it('answers queries as one result', async () => {
    const { status, text } = await answer(plain({ query: '{ viewer { id } }' }));
    expect({ status, text }).toEqual({
      status: 200,
      text: `:\n\nevent: next\ndata: {"data":{"viewer":{"id":"${user.id}"}}}\n\nevent: complete\ndata:\n\n`,
    });
  });

  it.each([
    ['without a token', undefined, 200],
    ['with one that is no good', { token: 'nonsense' }, 401],
  ])('is refused %s', async (_what, caller, status) => {
    const response = await askForEvents(api.url, caller, { query: FOLLOW, variables: { id } });
    expect(response.status).toBe(status);
    expect(await resultsIn(response)).toMatchObject([
      { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    ]);
  });
});

describe('a subscription over anything else of HTTP', () => {
  it.each([
    ['JSON', 'application/json', 200],
    ['GraphQL’s own media type', 'application/graphql-response+json', 400],
    ['whatever there is', '*/*', 200],
  ])('is refused, by POST and by GET: %s', async (_what, accept, status) => {
    const url = `?${new URLSearchParams({ query: FOLLOW, variables: JSON.stringify({ id }) })}`;
    for (const request of [plain({ query: FOLLOW, variables: { id } }), { method: 'GET', url }]) {
      const refused = await answer({ accept, ...request });
      expect(refused.status).toBe(status);
      expect(JSON.parse(refused.text).errors).toMatchObject([
        { extensions: { code: 'SUBSCRIPTION_TRANSPORT' } },
      ]);
    }
    expect(api.live.stats.subscribers).toBe(0);
  });
});
