import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Client } from 'pg';
import { withConnection } from '../src/platform/db/connect.ts';
import { withDatabase } from './database.ts';
import { PAGE_DOCUMENT, PEER_DOCUMENT } from './live/documents.ts';
import { BATCH, fill } from './live/fill.ts';
import { type Opening, Watchers } from './live/protocol.ts';
import { addOpenRuns, type OwnedRun } from './live/runs.ts';
import { type WayIn, WaysIn } from './live/ways-in.ts';
import { median } from './median.ts';
import { type Running, type Side, startServer, stopServer } from './servers.ts';
import type { Table } from './table.ts';
import { addUsers, type User } from './users.ts';
import { isWanted } from './wanted.ts';

/** Many and short: how long a disk takes for a commit changes by half from one second to the next. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 21);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 1);
const WRITERS = process.env.BENCH_WRITERS?.split(',').map(Number) ?? [1, 8, 32];
/** How long the API may take, after the last batch, for what it has not delivered yet. */
const PATIENCE_MS = 60_000;

/** Whom the watchers are sent the lines by, and how they ask it. */
type Server = Side<'ours' | 'bare ws'> & Pick<Opening, 'document' | 'fromCursor' | 'sharesFrame'>;

const OURS: Server = {
  name: 'ours',
  program: 'server.ts',
  document: PAGE_DOCUMENT,
  fromCursor: true,
  sharesFrame: false,
};
/** The least that any server does that reads the lines and sends them on. */
const BARE: Server = {
  name: 'bare ws',
  program: 'live/bare.ts',
  document: PEER_DOCUMENT,
  fromCursor: false,
  sharesFrame: true,
};

type Stage = {
  client: Client;
  /** Of the worker's login role. */
  url: string;
  ways: WaysIn;
  watchers: Watchers;
  servers: readonly Running<string>[];
  users: readonly User[];
};

/** @returns lines a second */
type Measure = (stage: Stage, runs: readonly OwnedRun[]) => Promise<number>;

const through =
  (way: (ways: WaysIn) => WayIn): Measure =>
  (stage, runs) =>
    fill(runs, way(stage.ways), SECONDS);

const ROWS = 'rows';
const sides: Record<string, Measure> = {
  [ROWS]: through((ways) => ways.rows),
  feed: through((ways) => ways.feed),
  'read and thrown away': fillDrained,
  'watched by one': (stage, runs) => fillWatched(stage, runs, 1, OURS),
  'watched by ten': (stage, runs) => fillWatched(stage, runs, 10, OURS),
  'bare ws, watched by one': (stage, runs) => fillWatched(stage, runs, 1, BARE),
  'notifying feed': through((ways) => ways.notifying),
  'rows of one document': through((ways) => ways.rowsOfDocument),
  'a notification a row': through((ways) => ways.notifyingEach),
};

/** Lines a second into the feed, beside the same rows without one. */
export async function ingest(): Promise<Table> {
  const secret = randomBytes(32).toString('hex');
  const most = Math.max(...WRITERS);
  const names = Object.keys(sides).filter((name) => name === ROWS || isWanted(process.env.BENCH_SIDES, name));
  return await withDatabase((urls) =>
    withConnection(urls.admin, 'runcast bench', async (client) => {
      const users = await addUsers(client, most, secret);
      await using ways = await WaysIn.open(urls, most);
      await using watchers = new Watchers();
      const servers = await Promise.all(
        [OURS, BARE].map((side) => startServer(side, { url: urls.api, secret })),
      );
      try {
        const rows: string[][] = [];
        for (const writers of WRITERS) {
          rows.push(
            await compare(
              { client, url: urls.worker, ways, watchers, servers, users: users.slice(0, writers) },
              names,
            ),
          );
        }
        return {
          title: `Lines a second in batches of ${BATCH} (medians of ${ROUNDS} rounds of ${SECONDS} s, and of each round’s ratio)`,
          columns: ['writers', ...names.flatMap((name) => (name === ROWS ? [name] : [name, '÷ rows']))],
          rows,
        };
      } finally {
        await Promise.all(servers.map(stopServer));
      }
    }),
  );
}

/** Rounds of the sides alternate, because a machine is not the same from one minute to the next. */
async function compare(stage: Stage, names: readonly string[]): Promise<string[]> {
  const { client, users } = stage;
  const ids = users.map(({ id }) => id);
  const contenders: { name: string; runs: OwnedRun[]; rates: number[] }[] = [];
  for (const name of names) contenders.push({ name, runs: await addOpenRuns(client, ids, 1), rates: [] });
  // Before the first round statements are prepared and code is compiled.
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const { name, runs, rates } of rotated(contenders, round)) {
      const rate = await sides[name]?.(stage, runs);
      if (rate !== undefined && round >= 0) rates.push(rate);
    }
  }
  for (const { runs } of contenders) await assertStored(client, runs);
  const [rows = [], ...others] = contenders.map(({ rates }) => rates);
  const cells = others.flatMap((rates) => [
    median(rates).toFixed(0),
    median(rates.map((rate, round) => rate / (rows[round] ?? 0))).toFixed(2),
  ]);
  return [String(users.length), median(rows).toFixed(0), ...cells];
}

/** No side always follows the same one. */
function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const first = (by + items.length) % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

/** The feed, while somebody reads all of it and does nothing with it. */
async function fillDrained({ ways, url }: Stage, runs: readonly OwnedRun[]): Promise<number> {
  const drain = fork(fileURLToPath(new URL('live/drain.ts', import.meta.url)), [url]);
  // What nobody has read would be fast.
  const ended = once(drain, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`The process that reads the lines ended with code ${code}.`);
  });
  await Promise.race([once(drain, 'message'), ended]);
  const rate = await Promise.race([fill(runs, ways.feed, SECONDS), ended.then(() => 0)]);
  drain.disconnect();
  await ended;
  return rate;
}

/** The feed, while each run has so many watchers, who must be sent every line once and in order. */
async function fillWatched(
  stage: Stage,
  runs: readonly OwnedRun[],
  count: number,
  { name, document, fromCursor, sharesFrame }: Server,
): Promise<number> {
  const { ways, watchers, servers } = stage;
  const port = servers.find((server) => server.name === name)?.port;
  if (port === undefined) throw new Error(`${name} is not running.`);
  await watchers.ask('open', {
    ...{ port, document, fromCursor, sharesFrame },
    sockets: runs.length * count,
    watches: watchesOf(stage, runs),
  });
  try {
    await allHaveJoined(watchers);
    await watchers.ask('record', null);
    const rate = await fill(runs, ways.feed, SECONDS);
    await allHaveAll(watchers, runs);
    const { doubled, outOfOrder, faults } = await watchers.ask('received', { commits: [] });
    if (doubled + outOfOrder + faults.length > 0) {
      throw new Error(
        `Watchers were sent ${doubled} twice and ${outOfOrder} out of order. ${faults.join(' ')}`,
      );
    }
    return rate;
  } finally {
    await watchers.ask('close', null);
  }
}

/** From the last event on: when that has come, the socket is subscribed. */
function watchesOf({ users }: Stage, runs: readonly OwnedRun[]) {
  const tokens = new Map(users.map(({ id, token }) => [id, token]));
  return runs.map(({ id, userId, lastSeq }) => ({
    run: id,
    token: tokens.get(userId) ?? '',
    after: lastSeq - 1,
  }));
}

async function allHaveJoined(watchers: Watchers): Promise<void> {
  const late = await watchers.ask('joined', { withinMs: PATIENCE_MS });
  if (late > 0) throw new Error(`${late} watchers have not been sent anything in ${PATIENCE_MS} ms.`);
}

async function allHaveAll(watchers: Watchers, runs: readonly OwnedRun[]): Promise<void> {
  const seqs = runs.map(({ lastSeq }) => lastSeq);
  const behind = await watchers.ask('caughtUp', { seqs, withinMs: PATIENCE_MS });
  if (behind > 0) throw new Error(`${behind} watchers have not been sent all in ${PATIENCE_MS} ms.`);
}

/** A side that lost what it has acknowledged would be fast. */
async function assertStored(client: Client, runs: readonly OwnedRun[]): Promise<void> {
  const { rows } = await client.query<{ id: string; count: number; last: number }>(
    `select execution_id as id, count(*)::float8 as count, max(seq)::float8 as last
     from runcast.execution_events where kind = 'training' and execution_id = any($1) group by execution_id`,
    [runs.map(({ id }) => id)],
  );
  const stored = new Map(rows.map((row) => [row.id, row]));
  for (const { id, lastSeq } of runs) {
    const { count, last } = stored.get(id) ?? {};
    if (count !== lastSeq || last !== lastSeq) {
      throw new Error(`${id} has ${count} events up to ${last} of ${lastSeq}.`);
    }
  }
}
