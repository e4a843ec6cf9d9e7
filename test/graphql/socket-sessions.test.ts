import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../support/api.ts';
import { connectFeed, type FeedClient, insertTraining } from '../support/feed.ts';
import { type FrameClient, openAcknowledged } from '../support/frame-client.ts';

let api: TestApi;
let user: User;
let writer: FeedClient;
const clients: FrameClient[] = [];

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  writer = await connectFeed(api.database.admin);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

const claims = () => ({ role: 'authenticated', sub: user.id }) as const;

async function opened(token: string): Promise<FrameClient> {
  const client = await openAcknowledged(api.url, { token });
  clients.push(client);
  return client;
}

const RENEW = `mutation Renew($token: String!) {
  renewToken(token: $token) {
    __typename
    ... on TokenRenewal { expiresAt }
    ... on Error { code message path remedy }
  }
}`;

/** What the mutation answers on a socket on which nothing else happens. */
async function renewed(client: FrameClient, token: string): Promise<Data> {
  client.send({ id: 'renew', type: 'subscribe', payload: { query: RENEW, variables: { token } } });
  const { payload } = await client.next();
  expect(await client.next()).toEqual({ id: 'renew', type: 'complete' });
  return payload.data.renewToken;
}

/** Seconds since the epoch, as a token has it in `exp`. */
function expiryOf(token: string): number {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).exp;
}

/** Resolves when a socket with this token has been closed because it expired. */
async function expired(token: string): Promise<void> {
  const client = await opened(token);
  expect(await client.closed()).toEqual({ code: 4403, reason: 'Forbidden: Token expired' });
}

const follow = (run: string) =>
  `subscription { executionEvents(id: "${run}") { lastSeq ended events { seq } } }`;

describe('a socket whose token expires', () => {
  it('closes with 4403 within 5 s, and not before', async () => {
    const token = await tokenOf(claims(), 1);
    await expired(token);
    const late = Date.now() / 1000 - expiryOf(token);
    expect(late).toBeGreaterThan(0);
    expect(late).toBeLessThan(5);
  });

  it('goes on where it was renewed, with every event that follows', async () => {
    const token = await tokenOf(claims(), 1);
    const client = await opened(token);
    const run = await insertTraining(writer, user.id);
    client.send({ id: 'follow', type: 'subscribe', payload: { query: follow(run) } });
    expect((await client.next()).payload.data.executionEvents).toMatchObject({ lastSeq: 1 });
    const newer = await tokenOf(claims(), 600);
    expect(await renewed(client, newer)).toEqual({
      __typename: 'TokenRenewal',
      expiresAt: new Date(expiryOf(newer) * 1000).toISOString(),
    });
    await expired(token);
    await writer.query("update training_executions set status = 'cancelled' where id = $1", [run]);
    expect((await client.next()).payload.data.executionEvents).toEqual({
      ...{ lastSeq: 2, ended: true },
      events: [{ seq: 2 }],
    });
    expect(await client.next()).toEqual({ id: 'follow', type: 'complete' });
  });

  it('goes on where a ping has renewed it, by either name', async () => {
    const token = await tokenOf(claims(), 1);
    const [one, other] = [await opened(token), await opened(token)];
    one.send({ type: 'ping', payload: { token: user.token } });
    other.send({ type: 'ping', payload: { Authorization: `Bearer ${user.token}` } });
    for (const client of [one, other]) expect((await client.next()).type).toBe('pong');
    await expired(token);
    for (const client of [one, other]) {
      client.send({ id: 'who', type: 'subscribe', payload: { query: '{ viewer { id } }' } });
      expect((await client.next()).payload).toEqual({ data: { viewer: { id: user.id } } });
    }
  });

  it('closes also where it was renewed with one that expires', async () => {
    const client = await opened(user.token);
    await renewed(client, await tokenOf(claims(), 1));
    expect(await client.closed()).toEqual({ code: 4403, reason: 'Forbidden: Token expired' });
  });
});

describe('renewToken', () => {
  it('says of a token that is no good why, and leaves the one before in force', async () => {
    const client = await opened(user.token);
    const other = { ...claims(), role: 'service_role' } as const;
    const [head, , signature] = user.token.split('.');
    const forged = [head, (await tokenOf(other)).split('.')[1], signature].join('.');
    const bad = [
      ['', 'The bearer token is not a JSON Web Token.'],
      ['nonsense', 'The bearer token is not a JSON Web Token.'],
      [forged, "The token's signature is not right."],
      [await tokenOf(claims(), -3_600), 'The token has expired.'],
      // A request would be answered for a minute more; a stream is not begun with it.
      [await tokenOf(claims(), -10), 'The token has expired.'],
    ];
    for (const [token = '', message] of bad) {
      expect(await renewed(client, token)).toEqual({
        ...{ __typename: 'UnauthenticatedError', code: 'UNAUTHENTICATED', message, path: ['token'] },
        remedy: 'Send one that is valid; the one before stays in force.',
      });
    }
    client.send({ id: 'who', type: 'subscribe', payload: { query: '{ viewer { id role } }' } });
    expect((await client.next()).payload.data.viewer).toEqual({ id: user.id, role: 'authenticated' });
  });

  it('refuses a token of another user or role', async () => {
    const client = await opened(user.token);
    const others = [
      (await api.makeUser()).token,
      await tokenOf({ role: 'service_role', sub: user.id }),
      await tokenOf({ role: 'anon' }),
    ];
    for (const token of others) {
      expect(await renewed(client, token)).toMatchObject({
        ...{ __typename: 'ForbiddenError', code: 'FORBIDDEN', path: ['token'] },
        remedy: 'Open another socket for it.',
      });
    }
    const anonymous = await openAcknowledged(api.url);
    clients.push(anonymous);
    expect(await renewed(anonymous, user.token)).toMatchObject({ __typename: 'ForbiddenError' });
  });

  it('says over HTTP where it is to be sent', async () => {
    const { data } = await api.ask(RENEW, { token: user.token }, user);
    expect(data.renewToken).toEqual({
      ...{ __typename: 'ForbiddenError', code: 'FORBIDDEN', path: null },
      message: 'Over HTTP there is no socket whose token could be renewed.',
      remedy: 'Send it over the WebSocket that is to stay open; a request over HTTP brings its own token.',
    });
  });
});

describe('a ping', () => {
  it('with a token that is no good, or of somebody else, closes with 4403', async () => {
    const reasons: Record<string, string> = {
      nonsense: 'Forbidden: The bearer token is not a JSON Web Token.',
      [(await api.makeUser()).token]:
        'Forbidden: The token is of another user or role than that of the socket.',
      [await tokenOf(claims(), -10)]: 'Forbidden: The token has expired.',
    };
    for (const [token, reason] of Object.entries(reasons)) {
      const client = await opened(user.token);
      client.send({ type: 'ping', payload: { token } });
      expect(await client.closed()).toEqual({ code: 4403, reason });
    }
  });

  it('with anything else in it is answered with the same', async () => {
    const client = await opened(user.token);
    client.send({ type: 'ping', payload: { sent: 1 } });
    expect(await client.next()).toEqual({ type: 'pong', payload: { sent: 1 } });
  });
});

it('ends a stream over SSE when its token expires, with an error that says so', async () => {
  const run = await insertTraining(writer, user.id);
  const token = await tokenOf(claims(), 1);
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: {
      ...{ accept: 'text/event-stream', 'content-type': 'application/json' },
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query: follow(run) }),
  });
  const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('event'));
  const late = Date.now() / 1000 - expiryOf(token);
  expect(events).toHaveLength(3);
  expect(events[1]).toContain('"code":"UNAUTHENTICATED"');
  expect(events[2]?.trim()).toBe('event: complete\ndata:');
  expect(late).toBeGreaterThan(0);
  expect(late).toBeLessThan(5);
});
