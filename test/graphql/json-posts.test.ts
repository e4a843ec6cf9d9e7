import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, type User } from '../support/api.ts';

let api: TestApi;
let user: User;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
});
afterAll(() => api.close());

const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(`${api.url}/graphql`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${user.token}`, ...headers },
  });
const viewer = JSON.stringify({ query: '{ viewer { id } }' });

describe('an operation posted as JSON', () => {
  it.each([
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/graphql-response+json', 'application/graphql-response+json'],
    ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json'],
    ['application/json, text/plain, */*', 'application/json'],
    ['text/event-stream, application/json', 'application/json'],
  ])('is answered to Accept %s as %s, whoever answers', async (accept, type) => {
    // A parameter in the URL and an unusual charset are what Yoga's own HTTP layer answers.
    const answers = [
      await post(viewer, { accept }),
      await fetch(`${api.url}/graphql?x=1`, {
        method: 'POST',
        body: viewer,
        headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${user.token}` },
      }),
    ];
    for (const answer of answers) {
      expect(answer.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
      expect(await answer.json()).toEqual({ data: { viewer: { id: user.id } } });
    }
  });

  it.each<[string, string, number]>([
    ['no JSON', '{"query": ', 400],
    ['a list of operations', `[${viewer}]`, 400],
    // As the specification of GraphQL over HTTP has it for this media type.
    ['no query', '{"variables": {}}', 200],
    ['a parameter that nobody knows', '{"query": "{ viewer { id } }", "more": 1}', 400],
    ['variables that are none', '{"query": "{ viewer { id } }", "variables": [1]}', 400],
  ])('is refused with its reason: %s', async (_name, body, status) => {
    const answer = await post(body);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as Data).errors[0].message).toEqual(expect.any(String));
  });

  it('says what is wrong with a document, with the status its media type asks for', async () => {
    const body = JSON.stringify({ query: '{ nothingOfTheKind }' });
    const strict = await post(body, { accept: 'application/graphql-response+json' });
    expect([strict.status, (await post(body, { accept: 'application/json' })).status]).toEqual([400, 200]);
    expect(((await strict.json()) as Data).errors[0].message).toContain('nothingOfTheKind');
  });

  it('masks what nobody expected, with an id', async () => {
    const failing = await startApi({
      viewerDb: { ...api.viewerDb, lease: () => Promise.reject(new Error('the secret of the house')) },
    });
    const answer = await failing.ask('{ viewer { id tenants { id } } }', {}, user);
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(answer.errors?.[0]?.extensions).toMatchObject({ errorId: expect.any(String) });
    await failing.close();
  });

  it('is given up when its client goes away', async () => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const waiting = await startApi({
      viewerDb: {
        ...api.viewerDb,
        lease: (_claims, { signal } = {}) =>
          new Promise((_resolve, reject) => {
            begun.resolve();
            signal?.addEventListener('abort', () => {
              ended.resolve();
              reject(new Error('given up'));
            });
          }),
      },
    });
    const client = new AbortController();
    const asked = fetch(`${waiting.url}/graphql`, {
      method: 'POST',
      body: viewer,
      headers: { 'content-type': 'application/json' },
      signal: client.signal,
    });
    const failed = expect(asked).rejects.toThrow();
    await begun.promise;
    client.abort();
    await ended.promise;
    await failed;
    await waiting.close();
  });

  it('has subscriptions served as SSE by the same address', async () => {
    const body = JSON.stringify({ query: 'subscription { executionEvents(id: "none") { lastSeq } }' });
    const answer = await post(body, { accept: 'text/event-stream' });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    await answer.body?.cancel();
  });
});
