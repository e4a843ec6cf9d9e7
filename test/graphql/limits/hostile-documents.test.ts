import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Result, startApi, type TestApi } from '../../support/api.ts';
import { openRawSocket } from '../../support/raw-socket.ts';
import { hostileDocuments } from './hostile.ts';

let api: TestApi;
let watched: TestApi;
let leases = 0;

beforeAll(async () => {
  api = await startApi();
  watched = await startApi({
    viewerDb: {
      ...api.viewerDb,
      lease: (...args) => {
        leases += 1;
        return api.viewerDb.lease(...args);
      },
    },
  });
});
afterAll(async () => {
  await watched.close();
  await api.close();
});

const post = (body: string) =>
  fetch(`${watched.url}/graphql`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });

describe('a hostile document', () => {
  it('is one of more than fifty', () => {
    expect(hostileDocuments.length).toBeGreaterThan(50);
    expect(new Set(hostileDocuments.map(({ name }) => name)).size).toBe(hostileDocuments.length);
  });

  it.each(
    hostileDocuments.map((document) => [document.name, document] as const),
  )('is refused over HTTP and over WebSocket without a database: %s', async (_name, {
    query,
    variables,
    codes,
  }) => {
    leases = 0;
    const payload = `{"query":${JSON.stringify(query)},"variables":${variables ?? null}}`;
    const answered = await post(payload);
    const sent = (await answered.json()) as Result;
    const received = await overSocket(payload);
    for (const errors of [sent.errors, received]) {
      expect(codes).toContain(errors?.[0]?.extensions?.code);
      expect(errors?.[0]?.extensions).not.toHaveProperty('http');
    }
    expect(sent).not.toHaveProperty('data');
    expect(leases).toBe(0);
  });

  it('would count a lease where there is one', async () => {
    leases = 0;
    expect(await watched.ask('{ viewer { id } }')).toEqual({ data: { viewer: null } });
    expect(leases).toBe(1);
  });

  it('leaves the socket and its other operations as they are', async () => {
    const socket = await openRawSocket(watched.url);
    const first = hostileDocuments[0];
    socket.send({ id: 'a', type: 'subscribe', payload: { query: first?.query } });
    expect((await socket.next()).type).toBe('error');
    socket.send({ id: 'b', type: 'subscribe', payload: { query: '{ viewer { id } }' } });
    expect(await socket.next()).toMatchObject({ type: 'next', payload: { data: { viewer: null } } });
    socket.close();
  });
});

async function overSocket(payload: string): Promise<Result['errors']> {
  const socket = await openRawSocket(watched.url);
  socket.send(`{"id":"1","type":"subscribe","payload":${payload}}`);
  const { type, payload: answer } = await socket.next();
  socket.close();
  return type === 'error' ? answer : answer.errors;
}
