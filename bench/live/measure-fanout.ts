import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from 'pg';
import { cpuSeconds, cpuTimes, type Running } from '../servers.ts';
import type { User } from '../users.ts';
import type { Received, Watchers } from './protocol.ts';
import { addOpenRuns } from './runs.ts';
import type { Writer, WrittenRun } from './writer.ts';

export const EVENTS_PER_SECOND = 20;
/** In the first round with so many watchers: compiled code settles, and the kernel's buffers find their size. */
const WARM_UP_SECONDS = 3;
/** How long a server may take, when the last event is written, for what it has not delivered yet. */
const PATIENCE_MS = 5_000;
const FIRST_CALL_MS = 1_000;
const LONGEST_CALL_MS = 60_000;

const LOOK_MS = 250;
const MOST_LOOKS = 120;
/** Of one core. */
const IDLE_SHARE = 0.05;

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
  /** How much of that is the kernel's. */
  kernelMicroseconds: number;
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
    if (isFirst) await write(stage, run, { seconds: WARM_UP_SECONDS, patienceMs: LONGEST_CALL_MS });
    return await measure(stage, server, run, seconds);
  } finally {
    await watchers.ask('close', null);
    await untilIdle(server);
  }
}

/** What a server still does for those who have left would be measured as another's. */
async function untilIdle(server: Running<string>): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    const before = await cpuSeconds(server);
    await wait(LOOK_MS);
    if (((await cpuSeconds(server)) - before) * 1000 < LOOK_MS * IDLE_SHARE) return;
  }
  console.log(`${server.name} is still busy a while after its watchers have left.`);
}

function optionsOf({ document, fromCursor, sharesFrame }: Watched) {
  return { document, fromCursor, sharesFrame };
}

/**
 * No protocol says that a subscription has begun, so events are written until every watcher has had one; ever less often,
 * for the sake of a server that takes seconds for each.
 */
async function callUntilAllHear({ watchers, writer }: Stage, run: WrittenRun): Promise<void> {
  for (let withinMs = FIRST_CALL_MS; withinMs < LONGEST_CALL_MS; withinMs *= 2) {
    const { seq } = await writer.append([run], 0);
    if ((await watchers.ask('joined', { withinMs })) > 0) continue;
    const behind = await watchers.ask('caughtUp', { seqs: [seq], withinMs: LONGEST_CALL_MS });
    if (behind === 0) return;
  }
  throw new Error('There are watchers that hear nothing, or are too far behind to begin.');
}

async function write(
  { watchers, writer }: Stage,
  run: WrittenRun,
  { seconds, patienceMs }: { seconds: number; patienceMs: number },
) {
  const commits = await writer.appendSteadily([run], {
    perSecond: EVENTS_PER_SECOND,
    seconds,
    next: () => 0,
  });
  await watchers.ask('caughtUp', { seqs: [run.lastSeq], withinMs: patienceMs });
  return commits;
}

async function measure(
  stage: Stage,
  server: Running<string>,
  run: WrittenRun,
  seconds: number,
): Promise<Fanned> {
  await stage.watchers.ask('record', null);
  const before = await cpuTimes(server);
  const commits = await write(stage, run, { seconds, patienceMs: PATIENCE_MS });
  const after = await cpuTimes(server);
  const received = await stage.watchers.ask('received', { commits });
  // A server that keeps up is done by the end of the last event's own share of the time.
  const took = Math.max(seconds, (received.lastAt - (commits[0]?.sentAt ?? 0)) / 1e6);
  const [user, kernel] = [after.user - before.user, after.kernel - before.kernel];
  return {
    ...received,
    cpuMicroseconds: ((user + kernel) * 1e6) / received.deliveries,
    kernelMicroseconds: (kernel * 1e6) / received.deliveries,
    rate: received.deliveries / took,
  };
}
