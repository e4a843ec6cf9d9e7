import { randomBytes } from 'node:crypto';
import { withConnection } from '../src/platform/db/connect.ts';
import { withDatabase } from './database.ts';
import { installPeers } from './install.ts';
import { OURS, PEERS } from './live/documents.ts';
import { EVENTS_PER_SECOND, type Fanned, measureFanout, type Stage } from './live/measure-fanout.ts';
import { Watchers } from './live/protocol.ts';
import { Writer } from './live/writer.ts';
import { median } from './median.ts';
import { type Side, startServer, stopServer } from './servers.ts';
import { assertSocketsAllowed } from './sockets-allowed.ts';
import type { Table } from './table.ts';
import { addUsers } from './users.ts';
import { isWanted } from './wanted.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
const WATCHERS = [100, 1_000, 5_000];

type Contender = Side<string> & {
  document: string;
  fromCursor: boolean;
  sharesFrame: boolean;
  /** The most watchers that it is measured with, and in every how many rounds. */
  most: number;
  every: number;
};

const usual = { document: PEERS, fromCursor: false, sharesFrame: false, most: 1_000, every: 2 };

const OURS_NAME = 'ours';
const BARE_NAME = 'bare ws';
const contenders: Contender[] = [
  {
    ...usual,
    name: OURS_NAME,
    program: 'server.ts',
    document: OURS,
    fromCursor: true,
    most: 5_000,
    every: 1,
  },
  { ...usual, name: BARE_NAME, program: 'live/bare.ts', sharesFrame: true, most: 5_000, every: 1 },
  { ...usual, name: 'graphql-ws and Yoga', program: 'live/yoga.ts' },
  { ...usual, name: 'Mercurius', program: 'peers/mercurius-live.ts' },
  { ...usual, name: 'PostGraphile', program: 'peers/postgraphile-live.ts' },
  { ...usual, name: 'PostGraphile, fed', program: 'peers/postgraphile-live.ts', args: ['fed'] },
];

type Result = { watchers: number; name: string; rounds: Fanned[] };

/** One run watched by many while a worker writes to it: what an event costs the server for each of its watchers. */
export async function fanout(): Promise<Table> {
  const counts = watcherCounts();
  const sides = contenders.filter(({ name }) => isWanted(process.env.BENCH_SIDES, name));
  assertSocketsAllowed(Math.max(...counts));
  if (sides.some(({ program }) => program.startsWith('peers/'))) await installPeers();
  const secret = randomBytes(32).toString('hex');
  return await withDatabase(({ admin, api, worker }) =>
    withConnection(admin, 'runcast bench', async (client) => {
      const [owner] = await addUsers(client, 1, secret);
      if (owner === undefined) throw new Error('The bench has no user.');
      await using watchers = new Watchers();
      await using writer = new Writer(worker);
      const servers = await Promise.all(sides.map((side) => startServer(side, { url: api, secret })));
      try {
        const stage = { client, owner, watchers, writer, servers };
        const results: Result[] = [];
        for (const count of counts) results.push(...(await compare(stage, sides, count)));
        return tableOf(results);
      } finally {
        await Promise.all(servers.map(stopServer));
      }
    }),
  );
}

/** `BENCH_WATCHERS=100,1000` in place of the usual numbers. */
function watcherCounts(): number[] {
  return process.env.BENCH_WATCHERS?.split(',').map(Number) ?? WATCHERS;
}

/** Rounds of the sides alternate, because a machine is not the same from one minute to the next. */
async function compare(stage: Stage, sides: readonly Contender[], count: number): Promise<Result[]> {
  const results = sides
    .filter(({ most }) => count <= most)
    .map((side) => ({ side, watchers: count, name: side.name, rounds: [] as Fanned[] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { side, rounds } of results) {
      if (round % side.every !== 0) continue;
      const fanned = await measureFanout(stage, side, { count, seconds: SECONDS, isFirst: round === 0 });
      for (const fault of fanned.faults) console.log(`${side.name}, ${count} watchers: ${fault}`);
      rounds.push(fanned);
    }
  }
  return results;
}

function tableOf(results: readonly Result[]): Table {
  return {
    title: `One run watched by many, ${EVENTS_PER_SECOND} events/s for ${SECONDS} s (medians of ${ROUNDS} rounds, of the peers' fewer)`,
    columns: [
      ...['watchers', 'CPU µs a delivery', '÷ bare', '÷ ours', 'CPU µs a frame', 'deliveries/s'],
      ...[
        'p50 ms',
        'p99 ms',
        'sending p99',
        'missed',
        'doubled',
        'disordered',
        'events a frame',
        'bytes a frame',
      ],
    ],
    rows: results.map((result) => {
      const cpu = (name: string) =>
        middle(
          results.find((other) => other.watchers === result.watchers && other.name === name),
          'cpuMicroseconds',
        );
      const own = middle(result, 'cpuMicroseconds');
      return [
        `${result.watchers} ${result.name}`,
        own.toFixed(1),
        timesOf(own, cpu(BARE_NAME)),
        timesOf(own, cpu(OURS_NAME)),
        medianOf(
          result,
          ({ cpuMicroseconds, deliveries, frames }) => (cpuMicroseconds * deliveries) / frames,
        ).toFixed(1),
        middle(result, 'rate').toFixed(0),
        medianOf(result, ({ fromCommit }) => fromCommit.p50).toFixed(1),
        medianOf(result, ({ fromCommit }) => fromCommit.p99).toFixed(1),
        medianOf(result, ({ fromSending }) => fromSending.p99).toFixed(1),
        String(sum(result, 'missed')),
        String(sum(result, 'doubled')),
        String(sum(result, 'outOfOrder')),
        (sum(result, 'deliveries') / sum(result, 'frames')).toFixed(2),
        (sum(result, 'bytes') / sum(result, 'frames')).toFixed(0),
      ];
    }),
  };
}

function timesOf(own: number, other: number): string {
  return other > 0 ? (own / other).toFixed(2) : '–';
}

type Figure = { [Key in keyof Fanned]: Fanned[Key] extends number ? Key : never }[keyof Fanned];

function medianOf(result: Result | undefined, figure: (round: Fanned) => number): number {
  return median((result?.rounds ?? []).map(figure));
}

function middle(result: Result | undefined, figure: Figure): number {
  return medianOf(result, (round) => round[figure]);
}

function sum({ rounds }: Result, figure: Figure): number {
  return rounds.reduce((total, round) => total + round[figure], 0);
}
