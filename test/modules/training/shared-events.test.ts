import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line } from '../../support/feed.ts';
import { openProtocolSocket, type ServerMessage } from '../../support/live/protocol-socket.ts';
import { askForEvents, resultsOf } from '../../support/server-sent.ts';

const FOLLOW = `subscription ($id: ID!, $after: Int! = 0) {
  executionEvents(id: $id, after: $after, maxWaitMs: 0) { lastSeq ended events { seq ... on LogEvent { message } } }
}`;

let api: TestApi;
let user: User;
let writer: FeedClient;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  writer = await connectFeed(api.database.admin);
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

const status = (to: string) => ({ type: 'status', payload: { to } }) as const;
const append = (id: string, ...events: Parameters<typeof appendEvents>[1]['events']) =>
  appendEvents(writer, { kind: 'training', id, events });
const upTo = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

type Results = AsyncIterable<{ data?: Data; errors?: unknown }>;

async function seqsOf(results: Results, onFirst: () => void = () => {}): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { data, errors } of results) {
    expect(errors).toBeUndefined();
    seqs.push(...data.executionEvents.events.map(({ seq }: Data) => seq));
    onFirst();
  }
  return seqs;
}

describe('fifty who follow one run', () => {
  it('each get what comes after their cursor, over both transports, from a few executions', async () => {
    const id = await insertTraining(writer, user.id);
    const stored = await append(id, status('running'), ...upTo(1, 40).map((n) => line(String(n))));
    const service = { token: await tokenOf({ role: 'service_role' }) };
    const before = { ...api.live.stats };
    const followers = upTo(0, 49).map((n) => {
      const after = n % 2 === 0 ? stored : n % 40;
      // Whoever may see it, sees the same: its owner, and a service.
      const caller = n % 5 === 0 ? service : user;
      const live = Promise.withResolvers<void>();
      const variables = { id, after };
      const results =
        n % 3 === 0
          ? (async function* () {
              yield* resultsOf(await askForEvents(api.url, caller, { query: FOLLOW, variables }));
            })()
          : api.socket(caller).follow(FOLLOW, variables);
      return { after, live: live.promise, seqs: seqsOf(results, live.resolve) };
    });
    while (api.live.stats.subscribers < 50) await new Promise((resolve) => setImmediate(resolve));
    await append(id, line('live'));
    await Promise.all(followers.map(({ live }) => live));
    let last = stored;
    for (const n of upTo(1, 20)) last = await append(id, line(`more ${n}`));
    last = await append(id, status('completed'));
    for (const { after, seqs } of followers) expect(await seqs).toEqual(upTo(after + 1, last));
    const { frames, deliveries, subscribers } = api.live.stats;
    // Twenty-two live pages at most, and one for each of the cursors that were behind.
    expect(frames - before.frames).toBeLessThan(22 + 40);
    expect(deliveries - before.deliveries).toBeGreaterThanOrEqual(50);
    expect(deliveries - before.deliveries).toBeGreaterThan(5 * (frames - before.frames));
    expect(subscribers).toBe(0);
  });
});

describe('a subscription that is given up while it is taken', () => {
  it.each([
    'completed',
    'dropped with its socket',
    'aborted over SSE',
  ])('leaves nothing behind: %s', async (how) => {
    const id = await insertTraining(writer, user.id);
    const gone: Promise<unknown>[] = [];
    for (let n = 0; n < 40; n += 1) {
      if (how === 'aborted over SSE') {
        const abort = new AbortController();
        const asked = askForEvents(api.url, user, { query: FOLLOW, variables: { id } }, 'POST', abort.signal);
        gone.push(asked.catch(() => {}));
        setTimeout(() => abort.abort(), n / 4);
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      gone.push(promise);
      const socket = openProtocolSocket({
        url: api.url,
        init: { authorization: `Bearer ${user.token}` },
        onMessage(message) {
          if (message.type !== 'connection_ack') return;
          socket.send({ id: 'one', type: 'subscribe', payload: { query: FOLLOW, variables: { id } } });
          const giveUp = () => {
            if (how === 'completed') socket.send({ id: 'one', type: 'complete' });
            else socket.drop();
            resolve();
          };
          setTimeout(giveUp, n / 4);
        },
        onClose: () => {},
      });
      if (how === 'completed') onTestFinished(() => socket.close());
    }
    await Promise.all(gone);
    // What comes last is taken last.
    const last = api.socket(user);
    const results = last.follow(FOLLOW, { id });
    await results.next();
    while (api.live.stats.subscribers > 1) await new Promise((resolve) => setImmediate(resolve));
    await append(id, status('cancelled'));
    expect(await seqsOf(results)).toEqual([2]);
    expect(api.live.stats.subscribers).toBe(0);
  });
});

describe('cursors that come with connection_init', () => {
  /** What one socket is sent for its operations, until each of them completes. */
  async function eventsOf(
    cursors: unknown,
    operations: Record<string, object>,
    query = FOLLOW,
  ): Promise<Map<string, ServerMessage[]>> {
    const { promise: over, resolve, reject } = Promise.withResolvers<void>();
    const got = new Map<string, ServerMessage[]>();
    const going = new Set(Object.keys(operations));
    const socket = openProtocolSocket({
      url: api.url,
      init: { authorization: `Bearer ${user.token}`, cursors },
      onMessage(message) {
        if (message.type === 'connection_ack') {
          for (const [id, variables] of Object.entries(operations)) {
            socket.send({ id, type: 'subscribe', payload: { query, variables } });
          }
        }
        if (!('id' in message)) return;
        got.set(message.id, [...(got.get(message.id) ?? []), message]);
        if (message.type === 'complete' || message.type === 'error') going.delete(message.id);
        if (going.size === 0) resolve();
      },
      onClose: (code) => reject(new Error(`the socket closed with ${code}`)),
    });
    await over;
    socket.close();
    return got;
  }

  const seqs = (messages: ServerMessage[] | undefined) =>
    messages?.flatMap((message) =>
      message.type === 'next' ? message.payload.data.executionEvents.events.map(({ seq }: Data) => seq) : [],
    );

  async function endedRun(): Promise<string> {
    const id = await insertTraining(writer, user.id);
    await append(id, status('running'), line('a'), line('b'));
    await append(id, status('completed'));
    return id;
  }

  it('resume each operation after the larger of its own and the one of its name', async () => {
    const id = await endedRun();
    const got = await eventsOf(
      { one: 3, two: 1, none: 4 },
      { one: { id }, two: { id, after: 2 }, three: { id } },
    );
    expect(seqs(got.get('one'))).toEqual([4, 5]);
    expect(seqs(got.get('two'))).toEqual([3, 4, 5]);
    expect(seqs(got.get('three'))).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    ['no object', 'x'],
    ['a list', [3]],
    ['nothing', null],
    ['texts', { one: '3' }],
    ['fractions', { one: 2.5 }],
    ['negative numbers', { one: -3 }],
    ['numbers too large to be exact', { one: 2 ** 60 }],
    ['numbers that no event can have', { one: 2 ** 31 }],
  ])('count for nothing where they are %s', async (_what, cursors) => {
    const id = await endedRun();
    expect(seqs((await eventsOf(cursors, { one: { id } })).get('one'))).toEqual([1, 2, 3, 4, 5]);
  });

  it('count for no operation that inherits its name', async () => {
    const id = await endedRun();
    const got = await eventsOf({}, { constructor: { id } });
    expect(seqs(got.get('constructor'))).toEqual([1, 2, 3, 4, 5]);
  });

  it('say nothing to what has no cursor', async () => {
    const id = await endedRun();
    const query = 'subscription ($id: ID!) { executionChanged(id: $id) { status lastSeq } }';
    const [next] = (await eventsOf({ one: 3 }, { one: { id } }, query)).get('one') ?? [];
    expect(next).toMatchObject({
      payload: { data: { executionChanged: { status: 'COMPLETED', lastSeq: 5 } } },
    });
  });

  it('count once: a second operation of the same name is another one', async () => {
    const id = await endedRun();
    const batches: number[][] = [];
    await new Promise<void>((resolve) => {
      const socket = openProtocolSocket({
        url: api.url,
        init: { authorization: `Bearer ${user.token}`, cursors: { one: 3 } },
        onMessage(message) {
          const subscribe = () =>
            socket.send({ id: 'one', type: 'subscribe', payload: { query: FOLLOW, variables: { id } } });
          if (message.type === 'connection_ack') subscribe();
          if (message.type === 'next') batches.push(seqs([message]) ?? []);
          if (message.type !== 'complete') return;
          if (batches.length < 2) return subscribe();
          socket.close();
          resolve();
        },
        onClose: () => {},
      });
    });
    expect(batches).toEqual([
      [4, 5],
      [1, 2, 3, 4, 5],
    ]);
  });
});
