import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startApi, type TestApi } from '../../support/api.ts';

const ALLOWED = 'https://app.example.com';
const FOREIGN = 'https://elsewhere.example';

let closed: TestApi;
let open: TestApi;
beforeAll(async () => {
  const config = { statementTimeoutMs: 10_000, graphiql: true, introspection: true };
  closed = await startApi();
  open = await startApi({ config: { ...config, allowedOrigins: [ALLOWED] } });
});
afterAll(async () => {
  await closed.close();
  await open.close();
});

const post = (api: TestApi, headers: Record<string, string>) =>
  fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"query":"{ viewer { id } }"}',
  });

const preflight = (api: TestApi, origin: string) =>
  fetch(`${api.url}/graphql`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    },
  });

async function socketStatus(api: TestApi, origin: string): Promise<number> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    origin,
  });
  socket.on('error', () => {});
  const status = await Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, response]) => Number(response.statusCode)),
  ]);
  socket.terminate();
  return status;
}

describe('a page of another origin', () => {
  it('is refused before anything is run, and may read nothing', async () => {
    for (const api of [closed, open]) {
      const answer = await post(api, { origin: FOREIGN });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'FOREIGN_ORIGIN' } }] });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      const asked = await preflight(api, FOREIGN);
      expect(asked.headers.get('access-control-allow-origin')).toBeNull();
      expect(asked.headers.get('access-control-allow-headers')).toBeNull();
    }
  });

  it('is refused where only the browser says where it comes from, as with an image', async () => {
    const get = (site: string, mode: string) =>
      fetch(`${closed.url}/graphql?query={viewer{id}}`, {
        headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode },
      });
    expect((await get('cross-site', 'no-cors')).status).toBe(403);
    expect((await get('same-site', 'no-cors')).status).toBe(403);
    expect((await get('same-origin', 'cors')).status).toBe(200);
    expect((await get('none', 'navigate')).status).toBe(200);
  });

  it('is refused over WebSocket, which CORS does not cover', async () => {
    expect(await socketStatus(closed, FOREIGN)).toBe(403);
    expect(await socketStatus(closed, closed.url)).toBe(101);
    expect(await socketStatus(open, ALLOWED)).toBe(101);
  });

  it('may link to the playground', async () => {
    const headers = { accept: 'text/html', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    // Node's fetch sets the mode itself.
    const [answer] = await once(request(`${closed.url}/graphql`, { headers }).end(), 'response');
    expect(answer.statusCode).toBe(200);
    answer.destroy();
  });
});

describe('a page of an origin that is allowed', () => {
  it('is answered and may read the answer, without cookies', async () => {
    const asked = await preflight(open, ALLOWED);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(ALLOWED);
    expect(asked.headers.get('access-control-allow-headers')).toContain('authorization');
    for (const headers of [{ accept: 'application/json' }, { accept: 'text/event-stream' }]) {
      const answer = await post(open, { origin: ALLOWED, ...headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('access-control-allow-origin')).toBe(ALLOWED);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(answer.headers.get('vary')).toContain('origin');
      await answer.body?.cancel();
    }
  });
});

describe('the server’s own pages', () => {
  it('are answered', async () => {
    expect((await post(closed, { origin: closed.url })).status).toBe(200);
    expect(
      (await post(closed, { origin: 'https://outside.example', 'sec-fetch-site': 'same-origin' })).status,
    ).toBe(200);
  });
});
