import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type ClientOptions, createClient, type ExecutionEvent } from '../../src/client/index.ts';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import { startApi, type TestApi, type User } from '../support/api.ts';
import { messages, QUICKLY, range, record, seqs } from '../support/client.ts';
import { connectFeed, type FeedClient, insertTraining, line, numbered } from '../support/feed.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let api: TestApi;
let user: User;
let feed: FeedClient;
let proxy: TcpProxy;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  feed = await connectFeed(api.database.admin);
  proxy = await startTcpProxy(api.url);
});
afterAll(async () => {
  await proxy.close();
  await feed[Symbol.asyncDispose]();
  await api.close();
});

const append = (id: string, texts: readonly string[]) =>
  appendEvents(feed, { kind: 'training', id, events: texts.map(line) });
const finish = (id: string) =>
  feed.query("update training_executions set status = 'cancelled' where id = $1", [id]);

describe.each<[string, Partial<ClientOptions>]>([
  ['the WebSocket of Node', { transport: 'websocket' }],
  ['that of the package ws', { transport: 'websocket', webSocketImpl: WebSocket }],
  ['server-sent events', { transport: 'sse' }],
])('a watch over %s', (_name, options) => {
  const connect = (more: Partial<ClientOptions> = {}) =>
    createClient({ url: `${proxy.url}/graphql`, token: user.token, ...options, ...QUICKLY, ...more });

  it('brings what there is, then what comes, and ends with the run', async () => {
    const id = await insertTraining(feed, user.id);
    await append(id, numbered('old ', 1_200));
    const client = connect();
    const seen = record();
    const watch = client.watchExecution(id, seen);
    await seen.until(({ states }) => states.includes('live'));
    // Not before the last of three batches.
    expect(seen.events).toHaveLength(1_201);
    await append(id, ['new']);
    await seen.until(({ events }) => events.length === 1_202);
    expect(watch).toMatchObject({ state: 'live', lastSeq: 1_202, error: undefined });
    await finish(id);
    expect(await watch.done).toEqual({ reason: 'finished', status: 'cancelled' });
    expect(seqs(seen.events)).toEqual(range(1, 1_203));
    expect(messages(seen.events)).toEqual([...numbered('old ', 1_200), 'new']);
    expect(seen.states).not.toContain('connecting');
    client.close();
  });

  it('loses, doubles and reorders nothing while its connection is cut again and again', async () => {
    const id = await insertTraining(feed, user.id);
    const lines = numbered('line ', 2_000);
    const client = connect();
    const seen = record();
    const watch = client.watchExecution(id, seen);
    for (let at = 0; at < lines.length; at += 100) {
      const before = seen.events.length;
      await append(id, lines.slice(at, at + 100));
      await seen.until(({ events }) => events.length > before);
      proxy.cut();
    }
    await finish(id);
    await watch.done;
    expect(seqs(seen.events)).toEqual(range(1, 2_002));
    expect(messages(seen.events)).toEqual(lines);
    expect(seen.gaps).toEqual([]);
    expect(seen.states.filter((state) => state === 'connecting').length).toBeGreaterThanOrEqual(10);
    client.close();
  });

  it('notices that nobody answers any more, and goes on over another connection', async () => {
    const id = await insertTraining(feed, user.id);
    const client = connect({ keepAliveMs: 300 });
    const seen = record();
    const watch = client.watchExecution(id, seen);
    await seen.until(({ states }) => states.at(-1) === 'live');
    proxy.swallow();
    await append(id, ['into the dark']);
    await seen.until(({ states }) => states.at(-1) === 'connecting');
    proxy.restore();
    await finish(id);
    await watch.done;
    expect(messages(seen.events)).toEqual(['into the dark']);
    client.close();
  });

  it('waits for a server that is away, and says why', async () => {
    const id = await insertTraining(feed, user.id);
    proxy.refuse();
    const client = connect();
    const seen = record();
    const watch = client.watchExecution(id, seen);
    await seen.until(({ errors }) => errors.length >= 5);
    expect(watch).toMatchObject({ state: 'connecting', error: { code: 'CONNECTION_LOST', isFinal: false } });
    proxy.restore();
    await seen.until(({ states }) => states.at(-1) === 'live');
    expect(watch.error).toBeUndefined();
    client.close();
    expect(await watch.done).toEqual({ reason: 'stopped', status: 'pending' });
  });

  it('gives up a connection that does not come about', async () => {
    const id = await insertTraining(feed, user.id);
    proxy.swallow();
    const client = connect({ connectMs: 100 });
    const seen = record();
    client.watchExecution(id, seen);
    await seen.until(({ errors }) => errors.length >= 2);
    proxy.restore();
    await seen.until(({ states }) => states.at(-1) === 'live');
    expect(seqs(seen.events)).toEqual([1]);
    client.close();
  });

  it('goes on after the event that it is given', async () => {
    const id = await insertTraining(feed, user.id);
    await append(id, numbered('line ', 10));
    await finish(id);
    const client = connect();
    const found: ExecutionEvent[] = [];
    for await (const event of client.watchExecution(id, { after: 9 })) found.push(event);
    expect(seqs(found)).toEqual([10, 11, 12]);
    const nothing = client.watchExecution(id, { after: 12 });
    for await (const event of nothing) found.push(event);
    expect(await nothing.done).toEqual({ reason: 'finished', status: undefined });
    client.close();
  });

  it('ends where the run is not there, or somebody else’s', async () => {
    const id = await insertTraining(feed, (await api.makeUser()).id);
    const client = connect();
    const seen = record();
    const watch = client.watchExecution(id, seen);
    await expect(watch.done).rejects.toMatchObject({ code: 'NOT_FOUND', isFinal: true });
    expect(seen.states.at(-1)).toBe('ended');
    const iterating = client.watchExecution(id)[Symbol.asyncIterator]();
    await expect(iterating.next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await iterating.next()).toEqual({ done: true, value: undefined });
    client.close();
  });

  it('ends where an argument is out of its range', async () => {
    const client = connect();
    const id = await insertTraining(feed, user.id);
    const { done } = client.watchExecution(id, { after: -1, onEvent: () => {} });
    await expect(done).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    client.close();
  });

  it('ends with what its own callback throws', async () => {
    const id = await insertTraining(feed, user.id);
    const client = connect();
    const fault = new Error('a fault of the page');
    const onEvent = () => {
      throw fault;
    };
    const other = record();
    const beside = client.watchExecution(id, other);
    await expect(client.watchExecution(id, { onEvent }).done).rejects.toBe(fault);
    await finish(id);
    await beside.done;
    expect(other.states).not.toContain('connecting');
    client.close();
  });

  it('stops when it is told to, by itself, by its loop or by a signal', async () => {
    const id = await insertTraining(feed, user.id);
    await append(id, numbered('line ', 10));
    const client = connect();
    const found: number[] = [];
    const stopping = client.watchExecution(id, {
      onEvent({ seq }) {
        found.push(seq);
        if (seq === 3) stopping.stop();
      },
    });
    expect(await stopping.done).toMatchObject({ reason: 'stopped' });
    expect(found).toEqual([1, 2, 3]);
    const looped = client.watchExecution(id);
    for await (const event of looped) if (event.seq === 2) break;
    expect(await looped.done).toMatchObject({ reason: 'stopped' });
    expect(looped.lastSeq).toBe(2);
    const abort = new AbortController();
    const aborted = client.watchExecution(id, { signal: abort.signal });
    abort.abort();
    expect(await aborted.done).toMatchObject({ reason: 'stopped' });
    client.close();
    expect(() => client.watchExecution(id)).toThrow('The client was closed');
  });
});

it('watches over one WebSocket, however many runs', async () => {
  // Node opens WebSockets over connections that fetch has left: here it has left none.
  const own = await startTcpProxy(api.url);
  const ids: string[] = [];
  for (const _ of range(1, 20)) ids.push(await insertTraining(feed, user.id));
  const client = createClient({ url: `${own.url}/graphql`, token: user.token, ...QUICKLY });
  const seen = ids.map(() => record());
  const watches = ids.map((id, at) => client.watchExecution(id, seen[at]));
  await Promise.all(seen.map(({ until }) => until(({ states }) => states.at(-1) === 'live')));
  expect(own.count()).toBe(1);
  own.cut();
  for (const id of ids) await finish(id);
  await Promise.all(watches.map(({ done }) => done));
  expect(seen.map(({ events }) => seqs(events))).toEqual(ids.map(() => [1, 2]));
  expect(own.count()).toBe(2);
  client.close();
  await own.close();
});
