import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defaultLiveLimits } from '../../src/platform/config.ts';
import { appendEvents, findStream } from '../../src/platform/feed/feed.ts';
import { type Data, insertConfig, startApi, type TestApi, tokenOf, type User } from '../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line, numbered } from '../support/feed.ts';
import { type Counted, type Counters, watchCounters } from '../support/live/counted.ts';
import { openProtocolSocket, type ProtocolSocket } from '../support/live/protocol-socket.ts';
import { START } from '../support/start.graphql.ts';
import { insertTenant } from '../support/tenants.ts';

const RING_EVENTS = 10;
/** In which a test has to look at a client that is paused. */
const STALLED_MS = 3_000;
const EVENTS = `subscription ($id: ID!, $after: Int! = 0) {
  executionEvents(id: $id, after: $after) { lastSeq events { seq ... on LogEvent { message } } }
}`;
const CHANGED = 'subscription ($id: ID!) { executionChanged(id: $id) { status } }';
/** As many of these fill any kernel's buffers before long. */
const LARGE = 'x'.repeat(100_000);

let api: TestApi;
let writer: FeedClient;
let counted: Counted;
let user: User;
let id: string;
const open: { drop(): void }[] = [];

beforeAll(async () => {
  const live = { ...defaultLiveLimits(), ringEvents: RING_EVENTS, graceMs: 0, stalledMs: STALLED_MS };
  const config = { statementTimeoutMs: 10_000, graphiql: false, introspection: false };
  api = await startApi({ config: { ...config, live: { ...live, maxBufferedBytes: 65_536 } } });
  await api.live.started;
  writer = await connectFeed(api.database.admin);
  counted = watchCounters(api.live.stats);
  user = await api.makeUser();
});
afterAll(async () => {
  await writer[Symbol.asyncDispose]();
  await api.close();
});

beforeEach(async () => {
  id = await insertTraining(writer, user.id);
});
// Each begins with nobody there.
afterEach(everybodyGone);

async function everybodyGone(): Promise<void> {
  for (const client of open.splice(0)) client.drop();
  await counted.until(({ subscribers }) => subscribers === 0);
  // A stream that nobody watches goes with the next turn of a timer, which tells nobody.
  await expect.poll(() => api.live.status().streams, { timeout: 10_000 }).toBe(0);
}

const append = (...messages: string[]) =>
  appendEvents(writer, { kind: 'training', id, events: messages.map(line) });

/** What an operator is told. */
async function liveStats(): Promise<Data> {
  const { data, errors } = await api.ask(
    `{ liveStats {
      sockets webSockets eventStreams maxSockets users streams groups subscribers paused bufferedBytes
      ringHits databaseReads frames deliveries dropped skipped pauses stalled revoked
      lagP50Ms lagP99Ms isListening isRedisConnected reconnections startedAt
    } }`,
    {},
    { token: await tokenOf({ role: 'service_role' }) },
  );
  expect(errors).toBeUndefined();
  return data.liveStats;
}

type Client = ProtocolSocket & {
  follow(query: string, variables?: object): void;
  /** The next result of an operation, or its end. */
  next(): Promise<Data>;
  closed: Promise<number>;
};

/** A socket of the user's, which follows nothing yet. */
async function connect({ token }: Pick<User, 'token'> = user): Promise<Client> {
  const acknowledged = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  const received: Data[] = [];
  const waiting: ((message: Data) => void)[] = [];
  const socket = openProtocolSocket({
    url: api.url,
    init: { authorization: `Bearer ${token}` },
    onMessage(message) {
      if (message.type === 'connection_ack') return acknowledged.resolve();
      if (!('id' in message)) return;
      const take = waiting.shift();
      if (take) take(message);
      else received.push(message);
    },
    onClose: closed.resolve,
  });
  open.push(socket);
  await acknowledged.promise;
  let operations = 0;
  return {
    ...socket,
    follow(query, variables = {}) {
      operations += 1;
      send(socket, `${operations}`, { query, variables: { id, ...variables } });
    },
    next: () => (received.length > 0 ? received.shift() : new Promise((resolve) => waiting.push(resolve))),
    closed: closed.promise,
  };
}

function send(socket: ProtocolSocket, operation: string, payload: object): void {
  socket.send({ id: operation, type: 'subscribe', payload });
}

/** Has followed the events from a cursor on, up to the newest one. */
async function follower(after: number): Promise<Client> {
  const { subscribers } = counted.now();
  const client = await connect();
  client.follow(EVENTS, { after });
  await counted.until((now) => now.subscribers > subscribers);
  return client;
}

const lastSeq = ({ payload }: Data): number => payload.data.executionEvents.lastSeq;

/**
 * Keeps so many operations paused until something holds: a kernel may let its buffers grow, and take more of what seemed
 * stuck.
 */
async function keepPaused(count: number, holds: (now: Counters) => boolean): Promise<void> {
  let isOver = false;
  const over = counted.until(holds).then(() => {
    isOver = true;
  });
  while (!isOver) {
    if (counted.now().paused < count) await append(...numbered(LARGE, 10));
    else await Promise.race([over, counted.until(({ paused }) => paused < count)]);
  }
}

/** A subscription over server-sent events. */
async function openEventStream(): Promise<{ response: IncomingMessage; drop(): void }> {
  const asked: ClientRequest = request(`${api.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${user.token}`,
    },
  });
  asked.on('error', () => {});
  asked.end(JSON.stringify({ query: EVENTS, variables: { id } }));
  open.push({ drop: () => asked.destroy() });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return { response, drop: () => asked.destroy() };
}

describe('what is counted', () => {
  it('is a page from memory, a frame for all and a delivery for each', async () => {
    const [one, another] = [await follower(1), await follower(1)];
    const before = counted.now();
    await append('hello');
    expect([lastSeq(await one.next()), lastSeq(await another.next())]).toEqual([2, 2]);
    expect(counted.since(before)).toEqual({ ringHits: 1, frames: 1, deliveries: 2 });
  });

  it('is another page from memory for who comes a little later', async () => {
    const first = await follower(1);
    await append('hello');
    await first.next();
    const before = counted.now();
    const second = await follower(1);
    expect(lastSeq(await second.next())).toBe(2);
    expect(counted.since(before)).toEqual({ subscribers: 1, ringHits: 1, frames: 1, deliveries: 1 });
  });

  it('is a read of the database for who is behind what memory holds', async () => {
    const first = await follower(1);
    await append(...numbered('line ', RING_EVENTS + 5));
    while (lastSeq(await first.next()) < RING_EVENTS + 6);
    const before = counted.now();
    const second = await follower(1);
    expect(lastSeq(await second.next())).toBe(RING_EVENTS + 6);
    expect(counted.since(before)).toEqual({ subscribers: 1, databaseReads: 1, frames: 1, deliveries: 1 });
  });

  it('is nothing for a socket that is closing already, however long its client takes to answer', async () => {
    const [leaving, staying] = [await follower(1), await follower(1)];
    const stranger = await api.makeUser();
    leaving.pause();
    // The server closes it, and is not answered.
    leaving.send({ type: 'ping', payload: { token: stranger.token } });
    await counted.until(({ subscribers }) => subscribers === 1);
    const before = counted.now();
    await append('hello');
    await staying.next();
    expect(counted.since(before)).toMatchObject({ frames: 1, deliveries: 1 });
  });

  it('is a revocation where somebody may not see any more what they follow', async () => {
    const tenantId = await insertTenant(api.admin, { [user.id]: 'member' });
    const { publicId } = await insertConfig(api.admin, user.id);
    const input = { publicId, method: 'SFT', provider: 'LOCAL', tenantId };
    id = (await api.ask(START, { input }, user)).data.startTraining.databaseId;
    const client = await follower(1);
    const before = counted.now();
    await api.admin.query('delete from public.user_tenants where tenant_id = $1', [tenantId]);
    expect((await client.next()).payload.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    expect(counted.since(before)).toEqual({ revoked: 1, subscribers: -1, groups: -1 });
  });
});

describe('a client that does not read', () => {
  it('is paused, skips states, and is cut off as stalled', async () => {
    const [reading, stuck] = [await follower(1), await follower(1)];
    stuck.follow(CHANGED);
    await counted.until(({ subscribers }) => subscribers === 3);
    const before = counted.now();
    stuck.pause();
    await keepPaused(2, ({ paused }) => paused === 2);
    expect(Number((await liveStats()).bufferedBytes)).toBeGreaterThan(65_536);
    const { skipped } = counted.now();
    await append('one more');
    await keepPaused(2, (now) => now.skipped > skipped);
    const newest = (await findStream(writer, { kind: 'training', id }))?.lastSeq ?? 0;
    while (lastSeq(await reading.next()) < newest);
    await keepPaused(2, ({ stalled }) => stalled > before.stalled);
    stuck.resume();
    expect(await stuck.closed).toBe(4499);
    await counted.until(({ subscribers }) => subscribers === 1);
    expect(await liveStats()).toMatchObject({ paused: 0, bufferedBytes: 0, webSockets: 1 });
    expect(counted.since(before)).toMatchObject({ stalled: 1 });
    expect(counted.since(before).pauses).toBeGreaterThanOrEqual(2);
  });

  it('is the same over server-sent events', async () => {
    const before = counted.now();
    const { response } = await openEventStream();
    await counted.until(({ subscribers }) => subscribers === 1);
    expect(await liveStats()).toMatchObject({ sockets: 1, eventStreams: 1, webSockets: 0, users: 1 });
    response.pause();
    await keepPaused(1, ({ stalled }) => stalled > before.stalled);
    await counted.until(({ subscribers }) => subscribers === 0);
    expect(await liveStats()).toMatchObject({ paused: 0, bufferedBytes: 0, eventStreams: 0, users: 0 });
    expect(counted.since(before)).toMatchObject({ stalled: 1 });
    expect(counted.since(before).pauses).toBeGreaterThanOrEqual(1);
  });
});

describe('lag', () => {
  it('is of what came while somebody was there, not of what they caught up with', async () => {
    await append('long ago');
    await writer.query(
      "update runcast.execution_events set at = at - interval '1 hour' where execution_id = $1",
      [id],
    );
    const { count } = api.live.stats.lag;
    const client = await follower(0);
    expect(lastSeq(await client.next())).toBe(2);
    expect(api.live.stats.lag.count).toBe(count);
    await append('now');
    expect(lastSeq(await client.next())).toBe(3);
    expect(api.live.stats.lag.count).toBe(count + 1);
    const { lagP50Ms, lagP99Ms } = await liveStats();
    expect(lagP50Ms).toBeGreaterThan(0);
    expect(lagP50Ms).toBeLessThanOrEqual(lagP99Ms);
    expect(lagP99Ms).toBeLessThan(60_000);
  });
});

describe('what is there', () => {
  it('is told, and is nothing again once everybody has gone', async () => {
    const other = await api.makeUser();
    const [first, , third] = [await follower(1), await follower(1), await connect(other)];
    first.follow(CHANGED);
    await first.next();
    const stream = await openEventStream();
    await counted.until(({ subscribers }) => subscribers === 4);
    const { startedAt, ...told } = await liveStats();
    expect(told).toMatchObject({
      ...{ sockets: 4, webSockets: 3, eventStreams: 1, maxSockets: defaultLiveLimits().maxSockets, users: 2 },
      ...{ streams: 1, groups: 2, subscribers: 4, paused: 0, bufferedBytes: 0 },
      ...{ isListening: true, isRedisConnected: null, reconnections: 0 },
    });
    expect(Date.parse(startedAt)).toBeLessThan(Date.now());

    third.close();
    await third.closed;
    stream.drop();
    await everybodyGone();
    expect(await liveStats()).toMatchObject({
      ...{ sockets: 0, webSockets: 0, eventStreams: 0, users: 0 },
      ...{ streams: 0, groups: 0, subscribers: 0, paused: 0, bufferedBytes: 0 },
    });
  });
});
