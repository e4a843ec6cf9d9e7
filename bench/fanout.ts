import { randomBytes } from 'node:crypto';
import { withConnection } from '../src/platform/db/connect.ts';
import { withDatabase } from './database.ts';
import { installPeers } from './install.ts';
import { OUR_DOCUMENT, PEER_DOCUMENT } from './live/documents.ts';
import { headings, type Result, rowsOf } from './live/fanout-table.ts';
import { EVENTS_PER_SECOND, type Fanned, measureFanout, type Stage } from './live/measure-fanout.ts';
import { Watchers } from './live/protocol.ts';
import { Writer } from './live/writer.ts';
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

const usual = { document: PEER_DOCUMENT, fromCursor: false, sharesFrame: false, most: 1_000, every: 2 };

const OURS = 'ours';
const BARE = 'bare ws';
const contenders: Contender[] = [
  {
    ...usual,
    name: OURS,
    program: 'server.ts',
    document: OUR_DOCUMENT,
    fromCursor: true,
    most: 5_000,
    every: 1,
  },
  { ...usual, name: BARE, program: 'live/bare.ts', sharesFrame: true, most: 5_000, every: 1 },
  { ...usual, name: 'graphql-ws and Yoga', program: 'live/yoga.ts' },
  { ...usual, name: 'Mercurius', program: 'peers/mercurius-live.ts' },
  { ...usual, name: 'PostGraphile', program: 'peers/postgraphile-live.ts' },
  { ...usual, name: 'PostGraphile, fed', program: 'peers/postgraphile-live.ts', args: ['fed'] },
];

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
      const options = { count, seconds: SECONDS, isFirst: round === 0 };
      const fanned = await measureFanout(stage, side, options).catch(String);
      // A peer that cannot carry so many does not spoil the figures of the others.
      const faults = typeof fanned === 'string' ? [fanned] : fanned.faults;
      for (const fault of faults) console.log(`${side.name}, ${count} watchers: ${fault}`);
      if (typeof fanned !== 'string') rounds.push(fanned);
    }
  }
  return results.filter(({ rounds }) => rounds.length > 0);
}

function tableOf(results: readonly Result[]): Table {
  return {
    title: `One run watched by many, ${EVENTS_PER_SECOND} events/s for ${SECONDS} s (medians of ${ROUNDS} rounds, of the peers' fewer)`,
    columns: headings,
    rows: rowsOf(results, { bare: BARE, ours: OURS }),
  };
}
