import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectionLost } from '../../src/client/errors.ts';
import { createFallback } from '../../src/client/fallback.ts';
import { createClient } from '../../src/client/index.ts';
import type { Sink } from '../../src/client/transport.ts';
import { startApi, type TestApi, type User } from '../support/api.ts';
import { QUICKLY, range, record, seqs } from '../support/client.ts';
import { connectFeed, type FeedClient, insertTraining } from '../support/feed.ts';
import { type HttpProxy, startHttpProxy } from '../support/http-proxy.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

describe('a client behind a proxy that refuses WebSockets', () => {
  let api: TestApi;
  let user: User;
  let feed: FeedClient;
  let proxy: HttpProxy;

  beforeAll(async () => {
    api = await startApi();
    user = await api.makeUser();
    feed = await connectFeed(api.database.admin);
    proxy = await startHttpProxy(api.url);
  });
  afterAll(async () => {
    await proxy.close();
    await feed[Symbol.asyncDispose]();
    await api.close();
  });

  it('goes over to server-sent events after three refusals, and stays with them', async () => {
    const ids = [await insertTraining(feed, user.id), await insertTraining(feed, user.id)] as const;
    const client = createClient({ url: `${proxy.url}/graphql`, token: user.token, ...QUICKLY });
    const [first, second] = [record(), record()];
    const watch = client.watchExecution(ids[0], first);
    await first.until(({ states }) => states.at(-1) === 'live');
    expect(proxy.refused()).toBe(3);
    client.watchExecution(ids[1], second);
    await second.until(({ states }) => states.at(-1) === 'live');
    // It may have looked once more by now.
    expect(proxy.refused()).toBeLessThanOrEqual(4);
    await feed.query("update training_executions set status = 'cancelled' where id = $1", [ids[0]]);
    await watch.done;
    expect(seqs(first.events)).toEqual([1, 2]);
    client.close();
  });

  it('knows a server that is away from one that is behind such a proxy', async () => {
    const id = await insertTraining(feed, user.id);
    const own = await startTcpProxy(api.url);
    own.refuse();
    const client = createClient({ url: `${own.url}/graphql`, token: user.token, ...QUICKLY });
    const seen = record();
    client.watchExecution(id, seen);
    await seen.until(({ errors }) => errors.length >= 8);
    own.restore();
    await seen.until(({ states }) => states.at(-1) === 'live');
    client.close();
    await own.close();
  });
});

describe('the way back to WebSockets', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Transports that say over which of them something was subscribed, and whether a socket can be opened. */
  function twoTransports() {
    const over: string[] = [];
    const sinks = new Set<Sink>();
    let isBlocked = true;
    const transport = (name: string) => ({
      subscribe(_operation: unknown, sink: Sink) {
        over.push(name);
        sinks.add(sink);
        return () => sinks.delete(sink);
      },
      close: () => {},
    });
    const fallback = createFallback({
      sockets: {
        ...transport('socket'),
        async probe() {
          over.push('probe');
          fallback.socketOutcome(isBlocked ? 'refused' : 'connected');
          return !isBlocked;
        },
      },
      streams: {
        ...transport('stream'),
        handOver() {
          for (const sink of sinks) sink.failed(connectionLost('over another'));
        },
      },
    });
    const allow = () => {
      isBlocked = false;
    };
    return { fallback, over, allow };
  }

  const operation = { query: '', variables: () => ({}) };
  const sink: Sink = { open: () => {}, next: () => {}, complete: () => {}, failed: () => {} };

  it('is tried from time to time, and taken by what runs as soon as it is there', async () => {
    const { fallback, over, allow } = twoTransports();
    for (const _ of range(1, 3)) fallback.socketOutcome('refused');
    const again = vi.fn();
    fallback.subscribe(operation, { ...sink, failed: again });
    fallback.streamOutcome('connected');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(over).toEqual(['stream', 'probe']);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(over).toEqual(['stream', 'probe', 'probe']);
    allow();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(again).toHaveBeenCalledOnce();
    fallback.subscribe(operation, sink);
    expect(over).toEqual(['stream', 'probe', 'probe', 'probe', 'socket']);
  });

  it('is not looked for while nothing runs', async () => {
    const { fallback, over } = twoTransports();
    for (const _ of range(1, 3)) fallback.socketOutcome('refused');
    const leave = fallback.subscribe(operation, sink);
    fallback.streamOutcome('connected');
    leave();
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(over).toEqual(['stream']);
  });
});
