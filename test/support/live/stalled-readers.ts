import { connectFeed, insertTraining, insertUser } from '../feed.ts';
import { createTestDatabase, type TestDatabase } from '../postgres.ts';
import { type ApiProcess, startApiProcess, tokenFor } from './api-process.ts';
import { Latencies } from './latencies.ts';
import { Milestones } from './milestones.ts';
import { type PacedWriter, startPacedWriter } from './paced-writer.ts';
import { Received, sumOf, type Tally } from './received.ts';
import { type Parting, type StalledReader, stall, type Watched } from './stalled-reader.ts';
import { startWatching } from './watching-client.ts';
import { within } from './within.ts';

export type StalledReadersOptions = {
  readers: number;
  /** So many of them read on one after the other during the stall, and come back after it. */
  returning: number;
  eventsPerSecond: number;
  /** Lines are filled up to so many characters: what a stall takes to be seen is what the kernel holds, some MB. */
  lineBytes: number;
  /** How long the fast reader is alone, and for how long the others stop reading. */
  seconds: { alone: number; stalled: number };
  /** Setting of the server, after how long it closes who does not read. */
  stalledSeconds: number;
  /**
   * Between two that read on, the first of them when nobody can be closed yet: less than the server gives a socket to
   * answer its close, so that one of them is in time to see it.
   */
  returnEverySeconds: number;
  /** Told what it is at. */
  progress?(line: string): void;
};

export type StalledReadersReport = {
  /** Resident memory in MB of the server, which has served as many before; NaN where the system does not tell. */
  memory: { before: number; most: number };
  /** Of the fast reader, from acknowledged append to receipt, in ms. */
  p99: { before: number; during: number };
  fast: Tally & { expected: number };
  returned: Tally & { expected: number };
  /** How those who read on during the stall were found, one after the other, and those who did so after it. */
  partings: { during: Parting[]; after: Parting[] };
  /** How long those who came back took to have everything. */
  catchUpSeconds: number;
};

/** What two minutes of events take to be read again by several at once, on a machine that is busy. */
const PATIENCE_MS = 600_000;
/** Lines in one append: 2,000 events/s are 40 appends. */
const BATCH = 50;
const SAMPLE_MS = 1_000;

/** Readers of one run who stop reading, beside one who does not. */
export async function runStalledReaders(options: StalledReadersOptions): Promise<StalledReadersReport> {
  await using scene = await openScene(options);
  const { watched, fast, latencies, writer } = scene;
  await comeAndGo(scene, options.readers);
  const alone = await scene.span(options.seconds.alone);
  using memory = sampleMemory(scene.api, (megabytes) => {
    const behind = scene.written.newest - fast.received.cursor;
    options.progress?.(`${megabytes.toFixed(0)} MB; the fast reader is ${behind} events behind`);
  });
  const readers = await stallAll(scene, options.readers);
  const stalled = scene.span(options.seconds.stalled);
  const returning = readers.slice(0, options.returning);
  const during = await readOnInTurn(scene, returning, options);
  const stall = await stalled;
  const used = await memory.most();
  const after = await Promise.all(readers.slice(options.returning).map((reader) => scene.readOn(reader)));

  const { [watched.run]: last = 0 } = await writer.finish();
  const catchUpSeconds = await comeBack(watched, returning);
  await within(PATIENCE_MS, 'that the fast reader had everything', fast.ended);
  return {
    memory: used,
    p99: { before: latencies.p99(alone), during: latencies.p99(stall) },
    fast: { ...fast.received.tally(), expected: last },
    returned: {
      ...sumOf(returning.map(({ received }) => received.tally())),
      expected: returning.reduce((sum, reader) => sum + last - reader.after, 0),
    },
    partings: { during, after },
    catchUpSeconds,
  };
}

/**
 * As many as will stop reading come, read on and leave: the connections to the database that the server opens for so many
 * at once, and keeps, are not what stopping costs.
 */
async function comeAndGo(scene: Scene, count: number): Promise<void> {
  const readers = await stallAll(scene, count);
  await Promise.all(readers.map((reader) => scene.readOn(reader)));
}

async function readOnInTurn(
  scene: Scene,
  readers: readonly StalledReader[],
  { returnEverySeconds, stalledSeconds, progress }: StalledReadersOptions,
): Promise<Parting[]> {
  const partings: Promise<Parting>[] = [];
  await scene.span(stalledSeconds);
  for (const [i, reader] of readers.entries()) {
    const parting = scene.readOn(reader);
    partings.push(parting);
    void parting.then((how) => progress?.(`reader ${i + 1} read on: ${how}`));
    await scene.span(returnEverySeconds);
  }
  return Promise.all(partings);
}

type Scene = AsyncDisposable & {
  api: ApiProcess;
  watched: Watched;
  writer: PacedWriter;
  /** Resolves when as much has been written as is in so many seconds, with the numbers of what it was. */
  span(seconds: number): Promise<{ after: number; upTo: number }>;
  written: Milestones;
  readOn(reader: StalledReader): Promise<Parting>;
  fast: Following;
  latencies: Latencies;
};

/** A server in a process of its own, a run that is written to for a second already, and who reads it. */
async function openScene(options: StalledReadersOptions): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const api = await startApiProcess(database, { LIVE_STALLED_SECONDS: String(options.stalledSeconds) });
  stack.defer(async () => void (await api.stop()));
  const { lineBytes, eventsPerSecond } = options;
  const watched = { ...(await makeRun(database)), url: api.url, lineBytes };
  const latencies = new Latencies();
  const written = new Milestones();
  const fast = follow(watched, new Received(watched.run, { lineBytes }), (seq) => latencies.arrived(seq));
  stack.defer(fast.close);
  const writer = await startPacedWriter({
    ...{ url: database.admin, runs: [watched.run], linesPerSecond: eventsPerSecond, batch: BATCH, lineBytes },
    onCommitted(_run, seq) {
      latencies.acknowledged(seq);
      written.reach(seq);
    },
  });
  stack.defer(async () => void (await writer.finish().catch(() => undefined)));
  const span = async (seconds: number) => {
    const after = written.newest;
    await written.reached(after + seconds * eventsPerSecond);
    return { after, upTo: written.newest };
  };
  await span(1);
  const parts = stack.move();
  return {
    ...{ api, watched, writer, written, fast, latencies, span },
    readOn: (reader) => reader.readOn(written.newest + eventsPerSecond),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function makeRun(database: TestDatabase): Promise<{ run: string; token: string }> {
  await using db = await connectFeed(database.admin);
  const user = await insertUser(db);
  return { run: await insertTraining(db, user), token: await tokenFor(user) };
}

function stallAll({ watched, written }: Scene, count: number): Promise<StalledReader[]> {
  return Promise.all(Array.from({ length: count }, () => stall(watched, written.newest)));
}

/** Resolves with the seconds until all of them have everything, after the run has ended. */
async function comeBack(watched: Watched, readers: readonly StalledReader[]): Promise<number> {
  const begun = performance.now();
  const back = readers.map(({ received }) => follow(watched, received));
  try {
    const all = Promise.all(back.map(({ ended }) => ended));
    await within(PATIENCE_MS, 'that all who came back had everything', all);
  } finally {
    for (const { close } of back) close();
  }
  return (performance.now() - begun) / 1000;
}

type Following = { received: Received; ended: Promise<void>; close(): void };

/** Follows the run from where `received` ends, to its end. */
function follow(
  { url, token, run }: Watched,
  received: Received,
  onEvent?: (seq: number) => void,
): Following {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const client = startWatching({
    ...{ url, token, resumeBy: 'after' },
    runs: [{ operationId: 'events', run, after: received.cursor }],
    onBatch(_watched, batch) {
      for (const event of batch.events) {
        received.take(event);
        onEvent?.(event.seq);
      }
      if (batch.ended) resolve();
    },
  });
  return { received, ended, close: client.close };
}

/** Samples memory from now on until it is disposed of; the first sample is what there was before. */
function sampleMemory(
  api: ApiProcess,
  onSample: (megabytes: number) => void,
): Disposable & { most(): Promise<StalledReadersReport['memory']> } {
  const samples: Promise<number>[] = [];
  const sample = async () => {
    const megabytes = (await api.memory()) ?? Number.NaN;
    onSample(megabytes);
    return megabytes;
  };
  samples.push(sample());
  const timer = setInterval(() => samples.push(sample()), SAMPLE_MS);
  return {
    async most() {
      const known = await Promise.all(samples);
      return { before: known[0] ?? Number.NaN, most: Math.max(...known) };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
