import { setTimeout as wait } from 'node:timers/promises';
import type { Memory } from '../process.ts';
import { cpuSeconds, memoryOf, type Running } from '../servers.ts';
import { STATUS_OF_ONE_RUN } from '../training-queries.ts';
import { type Percentiles, percentiles } from './percentiles.ts';
import type { Commit, Received, Watchers } from './protocol.ts';
import { askSteadily } from './steady-queries.ts';
import type { Writer, WrittenRun } from './writer.ts';

export const EVENTS_PER_SECOND = 100;
export const QUERIES_PER_SECOND = 50;
const WRITERS = 4;
/** To open all sockets may take a server long; to have none of them hear anything is a fault. */
const JOIN_MS = 120_000;
const PATIENCE_MS = 10_000;

/** A run, and the token of its owner, who watches it. */
export type TokenedRun = WrittenRun & { token: string };

export type SpreadSide = {
  name: string;
  document: string;
  fromCursor: boolean;
  sharesFrame: boolean;
  /** Answers queries too. */
  answers: boolean;
  /** How long it keeps what it needed for a run after the last watcher left. */
  keepsMs: number;
};

export type Round = {
  /** With no socket open, and with all of them. */
  closed: Memory;
  open: Memory;
  openedInMs: number;
  /** Of one core, while it was written to and asked. */
  cpuShare: number;
  received: Received;
  query: Percentiles | undefined;
};

type Stage = { watchers: Watchers; writer: Writer; server: Running<string>; side: SpreadSide };

/** Opens a socket for each run, writes to runs at random and asks for others, and closes all sockets again. */
export async function measureSpread(
  stage: Stage,
  runs: readonly TokenedRun[],
  seconds: number,
): Promise<Round> {
  const { watchers, server, side } = stage;
  const closed = await memoryOf(server);
  const started = performance.now();
  await openAll(stage, runs);
  const openedInMs = performance.now() - started;
  await watchers.ask('record', null);
  const cpuBefore = await cpuSeconds(server);
  const [commits, query] = await Promise.all([
    writeAtRandom(stage.writer, runs, seconds),
    side.answers ? askAtRandom(server.port, runs, seconds) : undefined,
  ]);
  const cpuShare = ((await cpuSeconds(server)) - cpuBefore) / seconds;
  await watchers.ask('caughtUp', { seqs: newestOf(runs, commits), withinMs: PATIENCE_MS });
  const received = await watchers.ask('received', { commits });
  const open = await memoryOf(server);
  await watchers.ask('close', null);
  await wait(side.keepsMs);
  return { closed, open, openedInMs, cpuShare, received, query };
}

/** From the event before the newest: that one says that the subscription has begun. */
async function openAll({ watchers, server, side }: Stage, runs: readonly TokenedRun[]): Promise<void> {
  const { document, fromCursor, sharesFrame } = side;
  const watches = runs.map(({ id, token, lastSeq }) => ({ run: id, token, after: lastSeq - 1 }));
  const options = { port: server.port, sockets: runs.length, watches, document, fromCursor, sharesFrame };
  await watchers.ask('open', options);
  const missing = await watchers.ask('joined', { withinMs: JOIN_MS });
  if (missing === 0) return;
  const { faults } = await watchers.ask('received', { commits: [] });
  throw new Error(`${missing} sockets of ${side.name} hear nothing. ${faults.join('\n')}`);
}

/** Each writer has runs of its own, so that it knows the number of the next event. */
async function writeAtRandom(
  writer: Writer,
  runs: readonly TokenedRun[],
  seconds: number,
): Promise<Commit[]> {
  const perSecond = EVENTS_PER_SECOND / WRITERS;
  const share = Math.floor(runs.length / WRITERS);
  const commits = await Promise.all(
    Array.from({ length: WRITERS }, (_, at) =>
      writer.appendSteadily(runs, { perSecond, seconds, next: () => at * share + below(share) }),
    ),
  );
  return commits.flat();
}

async function askAtRandom(port: number, runs: readonly TokenedRun[], seconds: number): Promise<Percentiles> {
  const next = () => {
    const run = runs[below(runs.length)];
    if (run === undefined) throw new Error('There is no run to ask for.');
    return {
      token: run.token,
      json: JSON.stringify({ query: STATUS_OF_ONE_RUN, variables: { id: run.id } }),
    };
  };
  return percentiles(await askSteadily(port, { perSecond: QUERIES_PER_SECOND, seconds, next }));
}

/** The newest event of each run that was written to; of the others nothing is expected. */
function newestOf(runs: readonly TokenedRun[], commits: readonly Commit[]): number[] {
  const written = new Set(commits.map(({ watch }) => watch));
  return runs.map(({ lastSeq }, at) => (written.has(at) ? lastSeq : -1));
}

function below(end: number): number {
  return Math.floor(Math.random() * end);
}
