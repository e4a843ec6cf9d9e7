import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, type ClientOptions, createClient, type TokenRequest } from '../../src/client/index.ts';
import { renewalDelay } from '../../src/client/renewal.ts';
import { expiryOf } from '../../src/client/tokens.ts';
import { startApi, type TestApi, tokenOf, type User } from '../support/api.ts';
import { QUICKLY, record, seqs } from '../support/client.ts';
import { connectFeed, type FeedClient, insertTraining } from '../support/feed.ts';
import {
  type ScriptedOperation,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.ts';
import { START } from '../support/start.graphql.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

/** Unsigned, as only this side of the wire takes it. */
function tokenThatExpires(at: number, name = ''): string {
  return `header.${btoa(JSON.stringify({ name, exp: at / 1_000 }))}.signature`;
}

describe('a token', () => {
  it('says when it expires, whatever else it says', async () => {
    const token = await tokenOf(
      { role: 'authenticated', sub: crypto.randomUUID(), email: 'ñ~ÿ@example.com' },
      60,
    );
    expect(Math.abs((expiryOf(token) ?? 0) - Date.now() - 60_000)).toBeLessThan(2_000);
    expect(expiryOf('an opaque token')).toBeUndefined();
    expect(expiryOf('a.b.c')).toBeUndefined();
    expect(expiryOf('')).toBeUndefined();
  });

  it.each([
    ['a minute before it expires', 3_600_000, 3_540_000],
    ['at half of what is left of a short one', 60_000, 30_000],
    ['not in a loop', 500, 1_000],
    ['never where it has expired', -1_000, undefined],
    ['within what a timer can hold', 90 * 86_400_000, 2 ** 31 - 1],
  ])('is renewed %s', (_when, left, expected) => {
    const now = 1_800_000_000_000;
    expect(renewalDelay(tokenThatExpires(now + left), now)).toBe(expected);
  });
});

describe('a client of the API', () => {
  let api: TestApi;
  let user: User;
  let feed: FeedClient;

  beforeAll(async () => {
    api = await startApi();
    user = await api.makeUser();
    feed = await connectFeed(api.database.admin);
  });
  afterAll(async () => {
    await feed[Symbol.asyncDispose]();
    await api.close();
  });

  const finish = (id: string) =>
    feed.query("update training_executions set status = 'cancelled' where id = $1", [id]);
  /** What is opened with it ends some seconds later. */
  const shortToken = () => tokenOf({ role: 'authenticated', sub: user.id }, 2);

  it.each([
    'websocket',
    'sse',
  ] as const)('takes a new token when the server says that the old one has expired, over %s', async (transport) => {
    const id = await insertTraining(feed, user.id);
    const expiring = await shortToken();
    const requests: TokenRequest[] = [];
    const token = (request: TokenRequest) => {
      requests.push(request);
      return request.refused === undefined ? expiring : user.token;
    };
    const client = createClient({ url: `${api.url}/graphql`, token, transport, ...QUICKLY });
    const seen = record();
    const watch = client.watchExecution(id, seen);
    await seen.until(({ states }) => states.at(-1) === 'live');
    await seen.until(({ errors }) => errors.length > 0);
    await seen.until(({ states }) => states.at(-1) === 'live');
    expect(seen.errors).toMatchObject([{ code: 'UNAUTHENTICATED', isFinal: false }]);
    expect(requests.at(-1)).toEqual({ refused: expiring });
    await finish(id);
    await watch.done;
    expect(seqs(seen.events)).toEqual([1, 2]);
    client.close();
  });

  it.each([
    'websocket',
    'sse',
  ] as const)('ends its watches where there is no other token, over %s', async (transport) => {
    const id = await insertTraining(feed, user.id);
    for (const token of ['nonsense', '', () => 'nonsense']) {
      const client = createClient({ url: `${api.url}/graphql`, token, transport, ...QUICKLY });
      const watch = client.watchExecution(id, { onEvent: () => {} });
      await expect(watch.done).rejects.toMatchObject({ code: 'UNAUTHENTICATED', isFinal: true });
      client.close();
    }
  });

  it('renews the token of an open socket, which goes on when the first has expired', async () => {
    const id = await insertTraining(feed, user.id);
    const proxy = await startTcpProxy(api.url);
    const first = await shortToken();
    const tokens = [first, user.token];
    const token = () => tokens.shift() ?? '';
    const client = createClient({ url: `${proxy.url}/graphql`, token, transport: 'websocket', ...QUICKLY });
    const seen = record();
    const watch = client.watchExecution(id, seen);
    await seen.until(({ states }) => states.at(-1) === 'live');
    const other = createClient({ url: `${api.url}/graphql`, token: first, transport: 'websocket' });
    await expect(other.watchExecution(id).done).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await finish(id);
    await watch.done;
    expect(seen.states).not.toContain('connecting');
    expect(proxy.count()).toBe(1);
    expect(tokens).toEqual([]);
    client.close();
    other.close();
    await proxy.close();
  });

  it('asks and changes things over HTTP, with a new token where the first is refused', async () => {
    const requests: TokenRequest[] = [];
    const token = (request: TokenRequest) => {
      requests.push(request);
      return request.refused === undefined ? 'nonsense' : user.token;
    };
    const client = createClient({ url: `${api.url}/graphql`, token });
    expect(await client.request('{ viewer { id } }')).toEqual({ viewer: { id: user.id } });
    expect(requests).toEqual([{ refused: undefined }, { refused: 'nonsense' }]);
    const started = await client.request(START, {
      input: { publicId: 'none', method: 'SFT', provider: 'LOCAL' },
    });
    expect(started.startTraining).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' });
    await expect(client.request('{ nothing }')).rejects.toMatchObject({ isFinal: true });
    client.close();
  });
});

describe('a client', () => {
  let server: ScriptedServer;
  let client: Client;
  afterEach(async () => {
    client.close();
    await server.close();
  });

  const live = ({ variables, batch }: ScriptedOperation) => batch([Number(variables.after) + 1]);
  const connect = (token: ClientOptions['token']) =>
    createClient({ url: server.url, token, transport: 'websocket', ...QUICKLY });

  it('renews by the mutation where the server has it, and loses no position', async () => {
    const renewed = Promise.withResolvers<string>();
    server = await startScriptedServer({
      onSubscribe(operation) {
        if (!operation.query.includes('renewToken')) return live(operation);
        operation.next({ data: { renewToken: { __typename: 'TokenRenewal' } } });
        operation.complete();
        renewed.resolve(operation.variables.token);
      },
    });
    const tokens = [
      tokenThatExpires(Date.now() + 1_500, 'old'),
      tokenThatExpires(Date.now() + 600_000, 'new'),
    ];
    const [old, fresh] = tokens;
    client = connect(() => tokens.shift() ?? '');
    const seen = record();
    client.watchExecution('exec_1', seen);
    expect(await renewed.promise).toBe(fresh);
    expect(server.heard).toEqual([{ authorization: `Bearer ${old}` }]);
    expect(seen.states).not.toContain('connecting');
  });

  it('asks for the token of each connection, and again where asking failed', async () => {
    server = await startScriptedServer({ onSubscribe: live });
    let asked = 0;
    client = connect(async () => {
      asked += 1;
      if (asked < 3) throw new Error('the issuer is away');
      return 'good';
    });
    const seen = record();
    client.watchExecution('exec_1', seen);
    await seen.until(({ events }) => events.length === 1);
    expect(seen.errors).toMatchObject([{ code: 'TOKEN_UNAVAILABLE' }, { code: 'TOKEN_UNAVAILABLE' }]);
    expect(server.heard).toEqual([{ authorization: 'Bearer good' }]);
  });

  it('comes back where its user has too many sockets, once there is room', async () => {
    server = await startScriptedServer({
      onSubscribe: live,
      onInit: (_payload, before) => (before === 0 ? 4290 : undefined),
    });
    client = createClient({ url: server.url, token: 'any', retry: { ...QUICKLY.retry, random: () => 0 } });
    const seen = record();
    client.watchExecution('exec_1', seen);
    await seen.until(({ events }) => events.length === 1);
    expect(seen.errors).toMatchObject([{ code: 'TOO_MANY_SOCKETS', isFinal: false }]);
  });
});
