import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSocketLimits } from '../../../src/graphql/limits/socket-limits.ts';
import { defaultLiveLimits } from '../../../src/platform/config.ts';
import { startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { connectFeed, insertTraining } from '../../support/feed.ts';
import { type FrameClient, openAcknowledged, openFrames } from '../../support/frame-client.ts';

const someone = { role: 'authenticated', sub: 'someone' } as const;

class Connection extends EventEmitter {
  closed = false;
  close() {
    this.closed = true;
    this.emit('close');
  }
}

describe('places', () => {
  const limits = () => createSocketLimits({ maxSockets: 3, maxSocketsPerUser: 2 });
  const open = (
    all: ReturnType<typeof limits>,
    claims: { role: 'authenticated' | 'service_role' | 'anon'; sub?: string },
    address = 'a',
  ) => {
    const connection = new Connection();
    return { connection, isIn: all.enter(connection)?.belongsTo(claims, address) };
  };

  it('are as many as the process has, and free again when a connection closes', () => {
    const all = limits();
    const [first] = ['a', 'b', 'c'].map((address) => open(all, { role: 'anon' }, address).connection);
    expect(all.enter(new Connection())).toBeUndefined();
    first?.close();
    expect(all.enter(new Connection())).toBeDefined();
    expect(all.enter(new Connection())).toBeUndefined();
  });

  it('are counted by user, and without one by address', () => {
    const all = createSocketLimits({ maxSockets: 100, maxSocketsPerUser: 1 });
    expect(open(all, someone, 'a').isIn).toBe(true);
    expect(open(all, someone, 'b').isIn).toBe(false);
    expect(open(all, { ...someone, sub: 'somebody' }, 'a').isIn).toBe(true);
    expect(open(all, { role: 'anon' }, 'a').isIn).toBe(true);
    expect(open(all, { role: 'anon' }, 'a').isIn).toBe(false);
    expect(open(all, { role: 'anon' }, 'b').isIn).toBe(true);
  });

  it('are not limited for services', () => {
    const all = createSocketLimits({ maxSockets: 100, maxSocketsPerUser: 1 });
    for (let at = 0; at < 5; at += 1)
      expect(open(all, { role: 'service_role', sub: 'robot' }).isIn).toBe(true);
  });

  it('that were refused to a user are not counted for them when they close', () => {
    const all = createSocketLimits({ maxSockets: 100, maxSocketsPerUser: 1 });
    const held = open(all, someone).connection;
    open(all, someone).connection.close();
    expect(open(all, someone).isIn).toBe(false);
    held.close();
    expect(open(all, someone).isIn).toBe(true);
  });

  it('are not taken for ever by connections that close before they are counted', () => {
    const all = limits();
    for (let at = 0; at < 10; at += 1) {
      const connection = new Connection();
      const place = all.enter(connection);
      connection.close();
      place?.belongsTo(someone, 'a');
      const gone = new Connection();
      gone.close();
      all.enter(gone)?.belongsTo(someone, 'a');
    }
    expect([open(all, someone).isIn, open(all, someone).isIn]).toEqual([true, true]);
  });
});

describe('an API with few places', () => {
  let api: TestApi;
  let run: string;
  let owner: User;
  const clients: FrameClient[] = [];

  // Of one test each: places are free a moment after a client has closed, when the server hears of it.
  beforeEach(async () => {
    const live = { ...defaultLiveLimits(), maxSockets: 4, maxSocketsPerUser: 2, maxOperationsPerSocket: 3 };
    const config = { statementTimeoutMs: 10_000, graphiql: false, introspection: false, live };
    api = await startApi({ config });
    owner = await api.makeUser();
    const writer = await connectFeed(api.database.admin);
    run = await insertTraining(writer, owner.id);
    await writer.client.end();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await api.close();
  });

  const keep = (client: FrameClient) => {
    clients.push(client);
    return client;
  };
  const acknowledged = async (token: string) => keep(await openAcknowledged(api.url, { token }));
  const query = () => `subscription { executionEvents(id: "${run}", after: 1) { lastSeq } }`;

  async function stream(token: string) {
    const controller = new AbortController();
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: {
        ...{ accept: 'text/event-stream', 'content-type': 'application/json' },
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ query: query() }),
      signal: controller.signal,
    });
    return { response, close: () => controller.abort() };
  }

  /** A socket again for a user who has closed one, as soon as the server has heard of it. */
  async function untilOneMore(token: string): Promise<FrameClient> {
    for (;;) {
      const client = keep(await openFrames(api.url));
      client.send({ type: 'connection_init', payload: { token } });
      const { opcode, payload } = await client.nextFrame();
      if (opcode === 1) return client;
      expect(payload.readUInt16BE(0)).toBe(4290);
      client.destroy();
      await client.ended;
    }
  }

  it('closes the third socket of a user with 4290, and none of anybody else', async () => {
    const { token } = await api.makeUser();
    const [first] = [await acknowledged(token), await acknowledged(token)];
    const third = keep(await openFrames(api.url));
    third.send({ type: 'connection_init', payload: { token } });
    expect(await third.closed()).toEqual({ code: 4290, reason: 'Too many sockets' });
    await acknowledged((await api.makeUser()).token);
    third.destroy();
    first?.destroy();
    await untilOneMore(token);
  });

  it('counts streams over SSE with them, and refuses them with 429', async () => {
    const streams = [await stream(owner.token), await stream(owner.token)];
    for (const { response } of streams) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toContain('text/event-stream');
    }
    const refused = await stream(owner.token);
    expect(refused.response.status).toBe(429);
    expect(await refused.response.text()).toContain('"code":"TOO_MANY_SOCKETS"');
    const socket = keep(await openFrames(api.url));
    socket.send({ type: 'connection_init', payload: { token: owner.token } });
    expect((await socket.closed()).code).toBe(4290);
    // A query needs no place.
    expect((await api.ask('{ viewer { id } }', {}, owner)).data.viewer.id).toBe(owner.id);
    for (const { close } of streams) close();
    await untilOneMore(owner.token);
  });

  it('that is full answers upgrades and streams with 503 and says when to come again', async () => {
    const service = await tokenOf({ role: 'service_role' });
    for (let at = 0; at < 4; at += 1) await acknowledged(service);
    const refused = keep(await openFrames(api.url));
    expect(refused.status).toBe(503);
    expect(refused.head).toContain('retry-after: 5');
    expect(await refused.body()).toBe('This server is full');
    const { response } = await stream(service);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await response.text()).toContain('"code":"SERVER_FULL"');
  });

  it('refuses one operation too many on a socket, and takes one again when another has ended', async () => {
    const client = await acknowledged(owner.token);
    for (const id of ['a', 'b', 'c', 'd'])
      client.send({ id, type: 'subscribe', payload: { query: query() } });
    expect(await client.next()).toMatchObject({
      ...{ id: 'd', type: 'error' },
      payload: [{ extensions: { code: 'TOO_MANY_OPERATIONS', limit: 3 } }],
    });
    client.send({ id: 'a', type: 'complete' });
    client.send({ id: 'd', type: 'subscribe', payload: { query: '{ viewer { id } }' } });
    expect(await client.next()).toMatchObject({ id: 'd', type: 'next' });
  });

  it('forgets a socket whose client is gone without a word', async () => {
    const { token } = await api.makeUser();
    const [first] = [await acknowledged(token), await acknowledged(token)];
    first?.connection.resetAndDestroy();
    if (first) await once(first.connection, 'close').catch(() => {});
    await untilOneMore(token);
  });
});
