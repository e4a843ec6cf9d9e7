import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { withConnection } from '../src/platform/db/connect.ts';
import { withDatabase } from './database.ts';
import { OUR_DOCUMENT, PEER_DOCUMENT } from './live/documents.ts';
import {
  EVENTS_PER_SECOND,
  measureSpread,
  QUERIES_PER_SECOND,
  type Round,
  type SpreadSide,
  type TokenedRun,
} from './live/measure-spread.ts';
import { inTable } from './live/percentiles.ts';
import { Watchers } from './live/protocol.ts';
import { addOpenRuns } from './live/runs.ts';
import { Writer } from './live/writer.ts';
import { type ServerDatabase, type Side, startServer, stopServer } from './servers.ts';
import { assertSocketsAllowed } from './sockets-allowed.ts';
import type { Table } from './table.ts';
import { addUsers } from './users.ts';
import { isWanted } from './wanted.ts';

const SOCKETS = Number(process.env.BENCH_SOCKETS ?? 10_000);
const RUNS_PER_USER = 10;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
/** Opened, written to and closed before anything is measured, so that the code of all of it is there. */
const REHEARSED = 200;
const WRITER_CONNECTIONS = 4;

type Contender = Side<string> & SpreadSide;

const contenders: Contender[] = [
  {
    name: 'ours',
    program: 'server.ts',
    document: OUR_DOCUMENT,
    fromCursor: true,
    sharesFrame: false,
    answers: true,
    // LIVE_GRACE_SECONDS, and a little more.
    keepsMs: 12_000,
  },
  {
    name: 'bare ws',
    program: 'live/bare.ts',
    document: PEER_DOCUMENT,
    fromCursor: false,
    sharesFrame: true,
    answers: false,
    keepsMs: 0,
  },
];

/** Many sockets, each watching a run of its own: memory, and what queries and events beside them have to wait. */
export async function spread(): Promise<Table> {
  assertSocketsAllowed(SOCKETS);
  const secret = randomBytes(32).toString('hex');
  return await withDatabase(async ({ admin, api, worker }) => {
    await using watchers = new Watchers();
    await using writer = new Writer(worker, WRITER_CONNECTIONS);
    const runs = await withConnection(admin, 'runcast bench', (client) => addWatchedRuns(client, secret));
    const rows: string[][] = [];
    for (const side of contenders.filter(({ name }) => isWanted(process.env.BENCH_SIDES, name))) {
      const rounds = await roundsOf({ watchers, writer }, side, { url: api, secret }, runs);
      rows.push(...rounds.map((round, at) => rowOf(side.name, at, round, rounds[0])));
    }
    return { title: titleOf(), columns, rows };
  });
}

async function addWatchedRuns(client: Client, secret: string): Promise<TokenedRun[]> {
  const users = await addUsers(client, Math.ceil(SOCKETS / RUNS_PER_USER), secret);
  const tokens = new Map(users.map(({ id, token }) => [id, token]));
  const added = await addOpenRuns(client, [...tokens.keys()], RUNS_PER_USER);
  await client.query('vacuum analyze');
  const runs = added.map(({ id, lastSeq, userId }) => ({ id, lastSeq, token: tokens.get(userId) ?? '' }));
  return runs.slice(0, SOCKETS);
}

async function roundsOf(
  stage: { watchers: Watchers; writer: Writer },
  side: Contender,
  database: ServerDatabase,
  runs: readonly TokenedRun[],
): Promise<Round[]> {
  const server = await startServer(side, database);
  try {
    const rounds: Round[] = [];
    await measureSpread({ ...stage, server, side }, runs.slice(0, REHEARSED), 2);
    for (let at = 0; at < ROUNDS; at += 1) {
      const round = await measureSpread({ ...stage, server, side }, runs, SECONDS);
      for (const fault of round.received.faults) console.log(`${side.name}: ${fault}`);
      rounds.push(round);
    }
    return rounds;
  } finally {
    await stopServer(server);
  }
}

const columns = [
  ...['round', 'opened in s', 'RSS MB closed', 'open', 'kB a socket'],
  ...['heap MB closed', 'open', 'kB a socket', 'CPU', 'events', 'missed', 'doubled', 'disordered'],
  ...['p50 ms', 'p99 ms', 'query p50 ms', 'p99 ms'],
];

/** @param first the round before which nothing had been opened: what a socket takes is counted from there */
function rowOf(name: string, at: number, round: Round, first: Round | undefined): string[] {
  const { closed, open, openedInMs, cpuShare, received, query } = round;
  const objects = ({ heapUsed, external }: Round['open']) => heapUsed + external;
  const before = first?.closed ?? closed;
  return [
    `${name} ${at + 1}`,
    (openedInMs / 1000).toFixed(1),
    ...[closed.rss, open.rss].map(megabytes),
    ((open.rss - before.rss) / SOCKETS / 1000).toFixed(1),
    ...[objects(closed), objects(open)].map(megabytes),
    ((objects(open) - objects(before)) / SOCKETS / 1000).toFixed(1),
    `${(100 * cpuShare).toFixed(0)} %`,
    ...[received.deliveries, received.missed, received.doubled, received.outOfOrder].map(String),
    ...[received.fromCommit.p50, received.fromCommit.p99, query?.p50, query?.p99].map(inTable),
  ];
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function titleOf(): string {
  const rates = `${EVENTS_PER_SECOND} events/s and ${QUERIES_PER_SECOND} queries/s`;
  return `${SOCKETS} sockets, each watching a run of its own, ${rates} for ${SECONDS} s a round`;
}
