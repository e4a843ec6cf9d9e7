import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../support/api.ts';
import { connectFeed, insertTraining } from '../support/feed.ts';

let api: TestApi;
let user: User;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
});
afterAll(() => api.close());

const post = (body: BodyInit, headers: Record<string, string>) =>
  fetch(`${api.url}/graphql`, { method: 'POST', body, headers });

const MUTATION = 'mutation { deleteTrainingConfig(id: "x") { __typename } }';

/** A socket of the protocol, without a client in between. */
async function rawSocket(payload: object | undefined) {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const received: Data[] = [];
  const waiting: (() => void)[] = [];
  socket.on('message', (data) => {
    received.push(JSON.parse(String(data)));
    waiting.shift()?.();
  });
  await once(socket, 'open');
  const next = async (): Promise<Data> => {
    if (received.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return received.shift();
  };
  const send = (message: object) => socket.send(JSON.stringify(message));
  if (payload) send({ type: 'connection_init', payload });
  return { socket, next, send };
}

describe('HTTP', () => {
  it.each([
    ['a form', 'application/x-www-form-urlencoded', `query=${encodeURIComponent(MUTATION)}`],
    ['plain text', 'text/plain', JSON.stringify({ query: MUTATION })],
    ['GraphQL text', 'application/graphql', MUTATION],
  ])('refuses operations sent as %s', async (_name, type, body) => {
    expect((await post(body, { 'content-type': type })).status).toBe(415);
  });

  it('refuses operations sent as multipart', async () => {
    const form = new FormData();
    form.set('operations', JSON.stringify({ query: MUTATION }));
    expect((await post(form, {})).status).toBe(415);
  });

  it('refuses mutations over GET, and takes queries', async () => {
    const get = (query: string) =>
      fetch(`${api.url}/graphql?query=${encodeURIComponent(query)}`, {
        headers: { accept: 'application/json' },
      });
    expect((await get(MUTATION)).status).toBe(405);
    expect(await (await get('{ viewer { id } }')).json()).toEqual({ data: { viewer: null } });
  });

  it('shares nothing with pages of other origins', async () => {
    const headers = { 'content-type': 'application/json', origin: 'https://elsewhere.example' };
    const response = await post(JSON.stringify({ query: '{ viewer { id } }' }), headers);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('refuses bodies above 1 MiB', async () => {
    const query = `{ viewer { id } } # ${'x'.repeat(1 << 20)}`;
    const response = await post(JSON.stringify({ query }), { 'content-type': 'application/json' });
    expect(response.status).toBe(413);
  });

  it('answers a bad token with 401 and takes an empty one for none', async () => {
    const body = JSON.stringify({ query: '{ viewer { id } }' });
    const headers = (authorization: string) => ({ 'content-type': 'application/json', authorization });
    const bad = await post(body, headers('Bearer nonsense'));
    expect(bad.status).toBe(401);
    expect((await bad.json()) as Data).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    const blank = await post(body, headers('Bearer '));
    expect(await blank.json()).toEqual({ data: { viewer: null } });
  });

  it('says who the caller is, with the tenants of active memberships', async () => {
    const { rows } = await api.admin.query(
      `insert into public.tenants (name, subdomain) values ('Acme', 'acme'), ('Gone', 'gone') returning id`,
    );
    await api.admin.query(
      `insert into public.user_tenants (tenant_id, user_id, role, status)
       values ($1, $3, 'admin', 'active'), ($2, $3, 'owner-of-old', 'removed')`,
      [rows[0].id, rows[1].id, user.id],
    );
    const { data } = await api.ask(
      '{ viewer { id email role tenants { id name role roleText } } }',
      {},
      user,
    );
    expect(data.viewer).toEqual({
      id: user.id,
      email: user.email,
      role: 'authenticated',
      tenants: [{ id: rows[0].id, name: 'Acme', role: 'ADMIN', roleText: 'admin' }],
    });
  });
});

describe('the playground', () => {
  it('is one page that loads nothing from anywhere', async () => {
    const page = await (await fetch(`${api.url}/graphql`, { headers: { accept: 'text/html' } })).text();
    // The page's own program holds texts that look like tags; what loads something stands outside of its strings.
    const outside = page.replace(/<script>[\s\S]*<\/script>/, '').replace(/<style>[\s\S]*?<\/style>/, '');
    expect(page).toContain('renderYogaGraphiQL');
    expect(page).toContain('startTraining');
    expect(outside).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(outside).not.toMatch(/<script[^>]+src=/);
  });
});

describe('WebSocket', () => {
  it('answers a syntax error on its own operation and keeps the others going', async () => {
    const writer = await connectFeed(api.database.admin);
    const id = await insertTraining(writer, user.id);
    const { socket, next, send } = await rawSocket({ authorization: `Bearer ${user.token}` });
    expect((await next()).type).toBe('connection_ack');
    const query = `subscription { executionEvents(id: "${id}") { lastSeq ended } }`;
    send({ id: 'follow', type: 'subscribe', payload: { query } });
    expect(await next()).toMatchObject({
      id: 'follow',
      payload: { data: { executionEvents: { lastSeq: 1 } } },
    });
    send({ id: 'broken', type: 'subscribe', payload: { query: 'subscription { executionEvents(' } });
    expect(await next()).toMatchObject({
      id: 'broken',
      type: 'error',
      payload: [{ locations: [{ line: 1 }], extensions: { code: 'GRAPHQL_PARSE_FAILED' } }],
    });
    send({ id: 'wrong', type: 'subscribe', payload: { query: 'subscription { noSuchThing }' } });
    expect(await next()).toMatchObject({ id: 'wrong', type: 'error' });
    await writer.query("update training_executions set status = 'cancelled' where id = $1", [id]);
    expect(await next()).toMatchObject({
      id: 'follow',
      payload: { data: { executionEvents: { ended: true } } },
    });
    expect(await next()).toEqual({ id: 'follow', type: 'complete' });
    socket.close();
    await writer.client.end();
  });

  it('takes a token by either name in connection_init, or none', async () => {
    const who = async (payload: object | undefined) => {
      const { socket, next, send } = await rawSocket(payload ?? {});
      await next();
      send({ id: 'who', type: 'subscribe', payload: { query: '{ viewer { id } }' } });
      const { payload: result } = await next();
      socket.close();
      return result.data.viewer;
    };
    expect(await who({ Authorization: `Bearer ${user.token}` })).toEqual({ id: user.id });
    expect(await who({ token: user.token })).toEqual({ id: user.id });
    expect(await who(undefined)).toBeNull();
  });

  it('closes with 4403 on a bad token', async () => {
    const { socket } = await rawSocket({ authorization: 'Bearer nonsense' });
    const [code] = await once(socket, 'close');
    expect(code).toBe(4403);
  });

  it('closes with 4403 when the token expires, and goes on where it was renewed', async () => {
    const claims = { role: 'authenticated', sub: user.id } as const;
    const short = await tokenOf(claims, 1);
    const expiring = await rawSocket({ token: short });
    const renewed = await rawSocket({ token: short });
    await renewed.next();
    renewed.send({ type: 'ping', payload: { token: user.token } });
    expect((await renewed.next()).type).toBe('pong');
    const [code, reason] = await once(expiring.socket, 'close');
    expect([code, String(reason)]).toEqual([4403, 'Forbidden: Token expired']);
    expect(renewed.socket.readyState).toBe(WebSocket.OPEN);
    renewed.socket.close();
  });

  it('refuses the 101st operation of a socket, and frames above 1 MiB', async () => {
    const writer = await connectFeed(api.database.admin);
    const id = await insertTraining(writer, user.id);
    await writer.client.end();
    const { socket, next, send } = await rawSocket({ token: user.token });
    await next();
    const query = `subscription { executionEvents(id: "${id}", after: 1) { lastSeq } }`;
    for (let n = 1; n <= 101; n += 1) send({ id: String(n), type: 'subscribe', payload: { query } });
    expect(await next()).toMatchObject({
      id: '101',
      type: 'error',
      payload: [{ extensions: { code: 'TOO_MANY_OPERATIONS' } }],
    });
    send({
      id: 'large',
      type: 'subscribe',
      payload: { query: `{ viewer { id } } # ${'x'.repeat(1 << 20)}` },
    });
    const [code] = await once(socket, 'close');
    expect(code).toBe(1009);
  });
});

describe('health', () => {
  it('breaks an SSE response off without completing it, so that its client comes back', async () => {
    const own = await startApi();
    const me = await own.makeUser();
    const writer = await connectFeed(own.database.admin);
    const id = await insertTraining(writer, me.id);
    await writer.client.end();
    const response = await fetch(`${own.url}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        authorization: `Bearer ${me.token}`,
      },
      body: JSON.stringify({ query: `subscription { executionEvents(id: "${id}") { lastSeq } }` }),
    });
    const body = response.text().catch((error: Error) => error);
    await own.close();
    expect(await body).toBeInstanceOf(Error);
  });

  it('is ready with its database and its listener, and says which is not', async () => {
    const own = await startApi({ readiness: { queue: () => Promise.reject(new Error('no queue')) } });
    const live = await fetch(`${own.url}/health/live`);
    expect(await live.json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${own.url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as Data).checks).toMatchObject({ database: 'ok', queue: 'failed' });
    expect((await fetch(`${own.url}/nowhere`)).status).toBe(404);
    await own.close();
  });

  it('closes sockets with 1001 within the grace, also with a subscription going', async () => {
    const own = await startApi();
    const me = await own.makeUser();
    const writer = await connectFeed(own.database.admin);
    const id = await insertTraining(writer, me.id);
    await writer.client.end();
    const closed = Promise.withResolvers<unknown>();
    const socket = own.socket(me);
    socket.on('closed', closed.resolve);
    const follow = socket.follow(`subscription { executionEvents(id: "${id}") { lastSeq } }`);
    await follow.next();
    const rest = follow.next().catch((error) => error);
    await own.close();
    expect(await closed.promise).toMatchObject({ code: 1001 });
    await rest;
  });
});
