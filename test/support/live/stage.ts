import { connectFeed, insertTraining, insertUser } from '../feed.ts';
import { createTestDatabase, type TestDatabase } from '../postgres.ts';
import { type ApiProcess, startApiProcess, tokenFor } from './api-process.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { type PacedWriter, startPacedWriter } from './paced-writer.ts';
import { sumOf } from './received.ts';
import type { WatchersOptions, WatchersReport } from './watchers.ts';
import { startWatchersProcess, type WatchersProcess } from './watchers-process.ts';
import type { ResumeBy } from './watching-client.ts';
import { within } from './within.ts';

export type StageOptions = {
  users: number;
  runsPerUser: number;
  /** Each watches all runs of one user, in one subscription a run. */
  sockets: number;
  linesPerSecond: number;
  resumeBy: ResumeBy;
  client: WatchersOptions['client'];
};

export type StageReport = WatchersReport & {
  /** What all watchers together had to receive. */
  expected: number;
};

/** Two api processes behind a load balancer, watchers in two processes of their own, and somebody who writes. */
export type Stage = {
  apis: ApiProcess[];
  /** Starts another process in the place of one that has gone. */
  replace(gone: ApiProcess): Promise<void>;
  /** Resolves with the seconds until every watcher has received something that was written after this call. */
  everybodyLive(): Promise<number>;
  /** What the watchers have met so far. */
  report(): Promise<WatchersReport>;
  /** Ends all runs, waits until every watcher knows, and counts. */
  finish(): Promise<StageReport>;
  close(): Promise<void>;
};

/** Longer than what is promised, so that a promise that is broken is a figure and not an error. */
const PATIENCE_MS = 60_000;
const PROCESSES = 2;

export async function openStage(options: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const apis = await Promise.all([startApiProcess(database), startApiProcess(database)]);
  stack.defer(async () => void (await Promise.all(apis.map((api) => api.stop()))));
  const balancer = await startBalancer(() => apis.map(({ port }) => port));
  stack.defer(() => balancer.close());
  const sockets = await socketsOf(database, options);
  const runs = [...new Set(sockets.flatMap((socket) => socket.runs))];
  const writer = await startPacedWriter({ ...options, url: database.admin, runs });
  stack.defer(async () => void (await writer.finish().catch(() => undefined)));
  const watchers = startWatchers(balancer, sockets, options);
  stack.defer(async () => void (await Promise.all(watchers.map((each) => each.stop()))));

  const stage: Stage = {
    apis,
    async replace(gone) {
      apis[apis.indexOf(gone)] = await startApiProcess(database);
    },
    everybodyLive: () => everybodyLive(watchers, writer),
    report: async () => merged(await Promise.all(watchers.map((each) => each.report()))),
    finish: () => finish(sockets, watchers, writer),
    close: () => parts.disposeAsync(),
  };
  await stage.everybodyLive();
  const parts = stack.move();
  return stage;
}

type Sockets = { token: string; runs: string[] }[];

async function socketsOf(
  database: TestDatabase,
  { users, runsPerUser, sockets }: StageOptions,
): Promise<Sockets> {
  await using db = await connectFeed(database.admin);
  const watched: Sockets = [];
  for (let i = 0; i < users; i += 1) {
    const user = await insertUser(db);
    const runs: string[] = [];
    for (let n = 0; n < runsPerUser; n += 1) runs.push(await insertTraining(db, user));
    watched.push({ token: await tokenFor(user), runs });
  }
  return Array.from({ length: sockets }, (_, i) => watched[i % users] ?? { token: '', runs: [] });
}

function startWatchers(
  { url }: Balancer,
  sockets: Sockets,
  { resumeBy, client }: StageOptions,
): WatchersProcess[] {
  const half = Math.ceil(sockets.length / PROCESSES);
  return Array.from({ length: PROCESSES }, (_, i) =>
    startWatchersProcess({ url, resumeBy, client, sockets: sockets.slice(i * half, (i + 1) * half) }),
  );
}

async function everybodyLive(watchers: WatchersProcess[], writer: PacedWriter): Promise<number> {
  const begun = performance.now();
  const committed = writer.committed();
  const all = Promise.all(watchers.map((each) => each.beyond(committed)));
  await within(PATIENCE_MS, 'that every watcher is live', all);
  return (performance.now() - begun) / 1000;
}

async function finish(
  sockets: Sockets,
  watchers: WatchersProcess[],
  writer: PacedWriter,
): Promise<StageReport> {
  const last = await writer.finish();
  await within(
    PATIENCE_MS,
    'that every watcher knows its run has ended',
    Promise.all(watchers.map((each) => each.ended())),
  );
  const expected = sockets.flatMap(({ runs }) => runs).reduce((sum, run) => sum + (last[run] ?? 0), 0);
  return { ...merged(await Promise.all(watchers.map((each) => each.report()))), expected };
}

function merged(reports: WatchersReport[]): WatchersReport {
  const refused: Record<string, number> = {};
  for (const report of reports) {
    for (const [text, count] of Object.entries(report.refused)) refused[text] = (refused[text] ?? 0) + count;
  }
  return { ...sumOf(reports), refused, closes: reports.flatMap(({ closes }) => closes) };
}
