import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createBucket } from '../../../src/graphql/limits/rate-limits.ts';
import { startApi, type TestApi, tokenOf } from '../../support/api.ts';

describe('a bucket', () => {
  it('lets so many through at once, and then one each time that a part of it is refilled', () => {
    let now = 0;
    const take = createBucket(4, () => now);
    const taken = () => [1, 2, 3, 4, 5].map(() => take('a'));
    expect(taken()).toEqual([undefined, undefined, undefined, undefined, 15]);
    now = 14_000;
    expect(take('a')).toBe(1);
    now = 15_000;
    expect([take('a'), take('a')]).toEqual([undefined, 15]);
    now = 10 * 60_000;
    expect(taken()).toEqual([undefined, undefined, undefined, undefined, 15]);
  });

  it('counts callers apart', () => {
    const take = createBucket(1, () => 0);
    expect([take('a'), take('b'), take('a')]).toEqual([undefined, undefined, 60]);
  });

  it('forgets whom it saw longest ago when there are too many', () => {
    const take = createBucket(1, () => 0);
    take('first');
    for (let at = 0; at < 100_000; at += 1) take(`caller ${at}`);
    expect(take('first')).toBeUndefined();
    expect(take('caller 99999')).toBe(60);
  });

  it('has no bottom where there is no limit', () => {
    const take = createBucket(0);
    for (let at = 0; at < 1_000; at += 1) expect(take('a')).toBeUndefined();
  });
});

describe('rate limits', () => {
  let api: TestApi;
  beforeAll(async () => {
    const config = { statementTimeoutMs: 10_000, graphiql: true, introspection: true };
    api = await startApi({ config: { ...config, rateLimits: { perUser: 3, perIp: 5 }, trustProxy: 1 } });
  });
  afterAll(() => api.close());

  const post = (headers: Record<string, string>, path = '/graphql') =>
    fetch(`${api.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"query":"{ viewer { id } }"}',
    });

  async function statuses(count: number, send: () => Promise<Response>): Promise<number[]> {
    const all: number[] = [];
    for (let at = 0; at < count; at += 1) all.push((await send()).status);
    return all;
  }

  it('tell a user when to come again, and leave other users alone', async () => {
    const [user, other] = [await api.makeUser(), await api.makeUser()];
    const send = () => post({ authorization: `Bearer ${user.token}` });
    expect(await statuses(4, send)).toEqual([200, 200, 200, 429]);
    const refused = await send();
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) } }],
    });
    expect((await post({ authorization: `Bearer ${other.token}` })).status).toBe(200);
  });

  it('count everybody else by the address that the proxy wrote, not by what the client wrote', async () => {
    let made = 0;
    const send = () => {
      made += 1;
      return post({ 'x-forwarded-for': `10.0.0.${made}, 198.51.100.7` });
    };
    expect(await statuses(6, send)).toEqual([200, 200, 200, 200, 200, 429]);
    expect((await post({ 'x-forwarded-for': '198.51.100.8' })).status).toBe(200);
  });

  it('count bad tokens by address, whatever they say', async () => {
    let made = 0;
    const send = () => {
      made += 1;
      return post({ authorization: `Bearer nonsense-${made}`, 'x-forwarded-for': '198.51.100.9' });
    };
    expect(await statuses(6, send)).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it('count queries over GET, and REST, with the rest', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.10', accept: 'application/json' };
    const get = () => fetch(`${api.url}/graphql?query={viewer{id}}`, { headers });
    expect(await statuses(5, get)).toEqual([200, 200, 200, 200, 200]);
    const rest = await post(headers, '/api/training/execute');
    expect(rest.status).toBe(429);
    expect(rest.headers.get('retry-after')).toMatch(/^\d+$/);
  });

  it('do not touch services', async () => {
    const authorization = `Bearer ${await tokenOf({ role: 'service_role' })}`;
    expect(await statuses(8, () => post({ authorization }))).toEqual(Array(8).fill(200));
  });

  it('answer over WebSocket with an error that says when to come again', async () => {
    const user = await api.makeUser();
    const socket = api.socket(user);
    const ask = async () => {
      for await (const result of socket.follow('{ viewer { id } }')) return result;
      return undefined;
    };
    for (let at = 0; at < 3; at += 1)
      expect(await ask()).toMatchObject({ data: { viewer: { id: user.id } } });
    await expect(ask()).rejects.toMatchObject([
      { extensions: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) } },
    ]);
    await socket.dispose();
  });

  it('refuse sockets that are opened too often', async () => {
    const open = async () => {
      const socket = new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
        headers: { 'x-forwarded-for': '198.51.100.11' },
      });
      const answered = once(socket, 'unexpected-response');
      const outcome = await Promise.race([
        once(socket, 'open').then(() => 101),
        answered.then(([, { statusCode }]) => statusCode),
      ]);
      socket.on('error', () => {});
      socket.terminate();
      return outcome;
    };
    const outcomes: unknown[] = [];
    for (let at = 0; at < 6; at += 1) outcomes.push(await open());
    expect(outcomes).toEqual([101, 101, 101, 101, 101, 429]);
  });
});
