import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startApi, type TestApi, type User } from '../support/api.ts';
import { connectFeed, insertTraining } from '../support/feed.ts';
import { type FrameClient, openAcknowledged, openFrames } from '../support/frame-client.ts';

let api: TestApi;
let user: User;
const clients: FrameClient[] = [];
const closing: Promise<unknown>[] = [];

beforeEach(async () => {
  api = await startApi();
  user = await api.makeUser();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await Promise.all(closing.splice(0));
  await api.close();
});

async function openedOne(): Promise<FrameClient> {
  const client = await openAcknowledged(api.url, { token: user.token });
  clients.push(client);
  return client;
}

async function opened(count: number): Promise<FrameClient[]> {
  const all: FrameClient[] = [];
  for (let at = 0; at < count; at += 1) all.push(await openedOne());
  return all;
}

function connectToApi(): Socket {
  return connect(Number(new URL(api.url).port), '127.0.0.1');
}

/** Begins to close. @returns how long it takes, in milliseconds */
function close(graceMs: number): Promise<number> {
  const started = performance.now();
  const closed = api.attached.close(graceMs).then(() => performance.now() - started);
  closing.push(closed);
  return closed;
}

/** Answers a close frame as soon as it comes. @returns when it came */
async function dismissed(client: FrameClient): Promise<number> {
  expect(await client.closed()).toEqual({ code: 1001, reason: 'Going away' });
  client.answerClose(1001);
  return performance.now();
}

it('closes few sockets in no time', async () => {
  const all = await opened(3);
  const closed = close(10_000);
  await Promise.all(all.map(dismissed));
  expect(await closed).toBeLessThan(1_000);
});

it('closes many at a pace, and not all at once', async () => {
  const all = await opened(100);
  const closed = close(10_000);
  const moments = await Promise.all(all.map(dismissed));
  expect(Math.max(...moments) - Math.min(...moments)).toBeGreaterThan(400);
  expect(await closed).toBeLessThan(3_000);
});

it('is through within the grace, however many there are', async () => {
  const all = await opened(190);
  const closed = close(1_000);
  await Promise.all(all.map(dismissed));
  expect(await closed).toBeLessThan(1_500);
});

it('serves those whose turn has not come, and refuses what is new', async () => {
  const writer = await connectFeed(api.database.admin);
  const run = await insertTraining(writer, user.id);
  const [agent, upgrade] = [connectToApi(), connectToApi()];
  await opened(150);
  const last = await openedOne();
  last.send({
    id: 'follow',
    type: 'subscribe',
    payload: { query: `subscription { executionEvents(id: "${run}") { lastSeq } }` },
  });
  expect((await last.next()).payload.data.executionEvents).toEqual({ lastSeq: 1 });
  // Connections that are there already, on which requests are on their way.
  agent.write('POST /graphql HTTP/1.1\r\nHost: localhost\r\n');
  upgrade.write('GET /graphql HTTP/1.1\r\nHost: localhost\r\n');
  const closed = close(10_000);
  await clients[0]?.closed();

  agent.write('Content-Type: application/json\r\nContent-Length: 29\r\n\r\n{"query":"{ viewer { id } }"}');
  const [answer] = await once(agent, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1.1 503 [\s\S]*retry-after: 1[\s\S]*"code":"SERVER_CLOSING"/);
  expect(String(answer).toLowerCase()).toContain('connection: close');
  upgrade.write('Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const [refusal] = await once(upgrade, 'data');
  expect(String(refusal)).toMatch(/^HTTP\/1.1 503 [\s\S]*retry-after: 1[\s\S]*This server is closing$/);
  await expect(openFrames(api.url)).rejects.toThrow();

  await writer.query('update training_executions set progress = 50 where id = $1', [run]);
  expect((await last.next()).payload.data.executionEvents).toEqual({ lastSeq: 2 });
  await dismissed(last);
  for (const client of clients) client.destroy();
  await closed;
  await writer.client.end();
});

it('cuts off sockets that do not answer', async () => {
  const silent = await openedOne();
  const closed = close(10_000);
  await silent.closed();
  await silent.ended;
  const took = await closed;
  expect(took).toBeGreaterThan(400);
  expect(took).toBeLessThan(2_000);
});

/** A query that waits for a lock, and what lets it go on. */
async function waitingQuery() {
  const { client } = await connectFeed(api.database.admin);
  await client.query('begin; lock table public.tenants in access exclusive mode');
  const answer = api.ask('{ tenants(first: 1) { totalCount } }', {}, user);
  const waits = "select 1 from pg_locks where not granted and relation = 'public.tenants'::regclass";
  while ((await client.query(waits)).rows.length === 0);
  return {
    answer,
    async release() {
      await client.query('commit');
      await client.end();
    },
  };
}

it('lets a request end that has begun', async () => {
  const { answer, release } = await waitingQuery();
  const closed = close(10_000);
  await release();
  expect(await answer).toEqual({ data: { tenants: { totalCount: 0 } } });
  expect(await closed).toBeLessThan(3_000);
});

it('does not wait long for a client that asks and does not read', async () => {
  const client = connectToApi();
  client.pause();
  client.write('GET /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n');
  // The playground is more than the kernel takes off a server whose client does not read.
  await api.ask('{ viewer { id } }');
  expect(await close(10_000)).toBeLessThan(3_000);
  client.destroy();
});

it('cuts a request short that takes longer than the grace', async () => {
  const { answer, release } = await waitingQuery();
  const closed = close(800);
  expect((await answer).errors).toHaveLength(1);
  expect(await closed).toBeLessThan(1_500);
  await release();
});

it('breaks streams over SSE off without completing them, in their turn', async () => {
  const writer = await connectFeed(api.database.admin);
  const run = await insertTraining(writer, user.id);
  await writer.client.end();
  async function stream() {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: {
        ...{ accept: 'text/event-stream', 'content-type': 'application/json' },
        authorization: `Bearer ${user.token}`,
      },
      body: JSON.stringify({ query: `subscription { executionEvents(id: "${run}") { lastSeq } }` }),
    });
    return async () => {
      const how = await response.text().then(
        () => 'completed',
        () => 'broken off',
      );
      return { how, at: performance.now() };
    };
  }
  const streams = await Promise.all(Array.from({ length: 50 }, stream));
  const closed = close(10_000);
  const ends = await Promise.all(streams.map((ended) => ended()));
  expect(new Set(ends.map(({ how }) => how))).toEqual(new Set(['broken off']));
  const moments = ends.map(({ at }) => at);
  expect(Math.max(...moments) - Math.min(...moments)).toBeGreaterThan(150);
  expect(await closed).toBeLessThan(2_000);
});

it('says that it is not ready, to a balancer that asks on a connection of its own', async () => {
  const balancer = connectToApi();
  balancer.write('GET /health/ready HTTP/1.1\r\nHost: localhost\r\n');
  await opened(200);
  void close(10_000);
  await clients[0]?.closed();
  balancer.write('\r\n');
  const [answer] = await once(balancer, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1.1 503 [\s\S]*"status":"closing"/);
  balancer.destroy();
});
