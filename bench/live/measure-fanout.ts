import type { Client } from 'pg';
import { cpuSeconds, type Running } from '../servers.ts';
import type { User } from '../users.ts';
import type { Received, Watchers } from './protocol.ts';
import { addOpenRuns } from './runs.ts';
import type { Writer, WrittenRun } from './writer.ts';

export const EVENTS_PER_SECOND = 20;
/** In the first round with so many watchers: compiled code settles, and the kernel's buffers find their size. */
const WARM_UP_SECONDS = 3;
/** How long a server may take, when the last event is written, for what it has not delivered yet. */
const PATIENCE_MS = 5_000;
/** A watcher that has not heard any of so many events, a second apart, will hear none. */
const MOST_CALLS = 60;

/** All that takes part, and whose run it is. */
export type Stage = {
  /** Connected as administrator. */
  client: Client;
  owner: User;
  watchers: Watchers;
  writer: Writer;
  servers: readonly Running<string>[];
};

export type Watched = { name: string; document: string; fromCursor: boolean; sharesFrame: boolean };

export type Fanned = Received & {
  /** Of the server's process, a delivery. */
  cpuMicroseconds: number;
  /** Deliveries a second, from the first event to the last delivery. */
  rate: number;
};

/** A run of its own, watched over one server by sockets that are opened for it. */
export async function measureFanout(
  stage: Stage,
  side: Watched,
  { count, seconds, isFirst }: { count: number; seconds: number; isFirst: boolean },
): Promise<Fanned> {
  const { client, owner, watchers, servers } = stage;
  const server = servers.find(({ name }) => name === side.name);
  const [run] = await addOpenRuns(client, [owner.id], 1);
  if (server === undefined || run === undefined) throw new Error(`There is no ${side.name} to measure.`);
  const watches = [{ run: run.id, token: owner.token, after: run.lastSeq }];
  await watchers.ask('open', { port: server.port, sockets: count, watches, ...optionsOf(side) });
  try {
    await callUntilAllHear(stage, run);
    if (isFirst) await write(stage, run, WARM_UP_SECONDS);
    return await measure(stage, server, run, seconds);
  } finally {
    await watchers.ask('close', null);
  }
}

function optionsOf({ document, fromCursor, sharesFrame }: Watched) {
  return { document, fromCursor, sharesFrame };
}

/** No protocol says that a subscription has begun, so events are written until every watcher has had the newest. */
async function callUntilAllHear({ watchers, writer }: Stage, run: WrittenRun): Promise<void> {
  let behind = 1;
  for (let calls = 0; behind > 0; calls += 1) {
    if (calls === MOST_CALLS) throw new Error(`${behind} watchers hear nothing.`);
    const { seq } = await writer.append([run], 0);
    behind = await watchers.ask('caughtUp', { seqs: [seq], withinMs: 1_000 });
  }
}

async function write({ watchers, writer }: Stage, run: WrittenRun, seconds: number) {
  const commits = await writer.appendSteadily([run], {
    perSecond: EVENTS_PER_SECOND,
    seconds,
    next: () => 0,
  });
  await watchers.ask('caughtUp', { seqs: [run.lastSeq], withinMs: PATIENCE_MS });
  return commits;
}

async function measure(
  stage: Stage,
  server: Running<string>,
  run: WrittenRun,
  seconds: number,
): Promise<Fanned> {
  await stage.watchers.ask('record', null);
  const before = await cpuSeconds(server);
  const commits = await write(stage, run, seconds);
  const cpu = (await cpuSeconds(server)) - before;
  const received = await stage.watchers.ask('received', { commits });
  // A server that keeps up is done by the end of the last event's own share of the time.
  const took = Math.max(seconds, (received.lastAt - (commits[0]?.sentAt ?? 0)) / 1e6);
  return {
    ...received,
    cpuMicroseconds: (cpu * 1e6) / received.deliveries,
    rate: received.deliveries / took,
  };
}
