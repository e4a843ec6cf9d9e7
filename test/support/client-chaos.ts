import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import {
  type Client,
  type ClientOptions,
  createClient,
  type ExecutionEvent,
} from '../../src/client/index.ts';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import type { TestApi, User } from './api.ts';
import { messages, range, seqs } from './client.ts';
import { connectFeed, type FeedClient, insertTraining, line } from './feed.ts';
import { seededRandom } from './random.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const RUNS = 5;

const CLIENTS: Partial<ClientOptions>[] = [
  { transport: 'websocket' },
  { transport: 'websocket', webSocketImpl: WebSocket },
  { transport: 'sse' },
  { transport: 'auto' },
];

/** What went on, and what is wrong; `faults` is empty where every watch was handed every event once and in order. */
export type ChaosReport = {
  written: number;
  handedOver: number;
  breakdowns: number;
  connections: number;
  faults: string[];
};

type Run = { id: string; lines: string[] };
type Follower = { name: string; run: Run; events: ExecutionEvent[]; gaps: number; done: Promise<unknown> };
type Chaos = { feed: FeedClient; proxy: TcpProxy; random: () => number; isOver: () => boolean };

/**
 * Clients of every kind that follow the same runs, by callbacks and by loops with small buffers, through a network that
 * is cut, silent or closed again and again, while lines are written; until `durationMs` is over. Then compares.
 */
export async function runClientChaos(
  api: TestApi,
  user: User,
  { durationMs, seed }: { durationMs: number; seed: number },
): Promise<ChaosReport> {
  await using feed = await connectFeed(api.database.admin);
  const proxy = await startTcpProxy(api.url);
  const random = seededRandom(seed);
  const deadline = Date.now() + durationMs;
  const chaos: Chaos = { feed, proxy, random, isOver: () => Date.now() >= deadline };

  const runs: Run[] = [];
  for (const _ of range(1, RUNS)) runs.push({ id: await insertTraining(feed, user.id), lines: [] });
  const clients = CLIENTS.map((options) => clientOf(proxy, user, options));
  const followers = clients.flatMap((client, at) =>
    runs.flatMap((run) => [
      byCallback(client, run, `client ${at} by callback`),
      byLoop(client, run, `client ${at} by loop`),
    ]),
  );
  const [breakdowns] = await Promise.all([breakThings(chaos), write(chaos, runs)]);
  for (const { id } of runs) {
    await feed.query("update training_executions set status = 'cancelled' where id = $1", [id]);
  }
  const faults = (await Promise.all(followers.map(faultsOf))).flat();
  for (const client of clients) client.close();
  const connections = proxy.count();
  await proxy.close();
  return {
    written: runs.reduce((sum, { lines }) => sum + lines.length, 0),
    handedOver: followers.reduce((sum, { events }) => sum + events.length, 0),
    ...{ breakdowns, connections, faults },
  };
}

function clientOf(proxy: TcpProxy, user: User, options: Partial<ClientOptions>): Client {
  const impatient = { retry: { firstMs: 10, longestMs: 200 }, keepAliveMs: 300, connectMs: 300 };
  return createClient({ url: `${proxy.url}/graphql`, token: user.token, ...impatient, ...options });
}

function byCallback(client: Client, run: Run, name: string): Follower {
  const follower: Follower = { name, run, events: [], gaps: 0, done: Promise.resolve() };
  follower.done = client.watchExecution(run.id, {
    onEvent: (event) => void follower.events.push(event),
    onGap: () => {
      follower.gaps += 1;
    },
  }).done;
  return follower;
}

/** Takes more slowly than events come, now and then. */
function byLoop(client: Client, run: Run, name: string): Follower {
  const follower: Follower = { name, run, events: [], gaps: 0, done: Promise.resolve() };
  const watch = client.watchExecution(run.id, { maxBuffered: 200 });
  const take = async () => {
    for await (const event of watch) {
      follower.events.push(event);
      if (event.seq % 50 === 0) await nextTurn();
    }
  };
  follower.done = take();
  return follower;
}

async function write({ feed, random, isOver }: Chaos, runs: readonly Run[]): Promise<void> {
  while (!isOver()) {
    const run = runs[Math.floor(random() * runs.length)];
    if (!run) throw new Error('there is no such run');
    const count = 1 + Math.floor(random() * 30);
    const texts = range(1, count).map((n) => `line ${run.lines.length + n}`);
    run.lines.push(...texts);
    await appendEvents(feed, { kind: 'training', id: run.id, events: texts.map(line) });
    await wait(random() * 200);
  }
}

/** @returns how often */
async function breakThings({ proxy, random, isOver }: Chaos): Promise<number> {
  let count = 0;
  for (; !isOver(); count += 1) {
    await wait(50 + random() * 250);
    const kind = random();
    if (kind < 0.5) proxy.cut();
    else {
      if (kind < 0.75) proxy.refuse();
      else proxy.swallow();
      await wait(random() * 600);
      proxy.restore();
    }
  }
  return count;
}

async function faultsOf({ name, run, events, gaps, done }: Follower): Promise<string[]> {
  const failure = await done.then(
    () => undefined,
    (error) => String(error),
  );
  const found = seqs(events);
  // The first event and the last are its statuses.
  const isWhole = JSON.stringify(found) === JSON.stringify(range(1, run.lines.length + 2));
  const isTrue = JSON.stringify(messages(events)) === JSON.stringify(run.lines);
  return [
    ...(failure ? [`${name} ended with ${failure}`] : []),
    ...(isWhole ? [] : [`${name} was handed ${found.length} of ${run.lines.length + 2}`]),
    ...(isTrue ? [] : [`${name} was handed other lines than were written`]),
    ...(gaps > 0 ? [`${name} met ${gaps} gaps`] : []),
  ];
}
