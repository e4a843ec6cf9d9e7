import { connectFeed, insertTraining, insertUser } from '../feed.ts';
import { createTestDatabase, type TestDatabase } from '../postgres.ts';
import { type ApiProcess, startApiProcess, tokenFor } from './api-process.ts';
import { Latencies } from './latencies.ts';
import { type PacedWriter, startPacedWriter } from './paced-writer.ts';
import { Received, sumOf, type Tally } from './received.ts';
import { partings, type StalledReader, stall, type Watched } from './stalled-reader.ts';
import { startWatching } from './watching-client.ts';
import { within } from './within.ts';

export type StalledReadersOptions = {
  readers: number;
  /** So many of them read on as soon as the server must have closed them, and come back after the stall. */
  returning: number;
  eventsPerSecond: number;
  /** Lines are filled up to so many characters: what a stall takes to be seen is what the kernel holds, some MB. */
  lineBytes: number;
  /** How long the fast reader is alone, and for how long the others stop reading. */
  seconds: { alone: number; stalled: number };
  /** Setting of the server, after how long it closes who does not read. */
  stalledSeconds: number;
  /** From the stop to the return: more than the kernel takes to fill and the setting, less than 30 s above that. */
  returnAfterSeconds: number;
  /** Told what it is at. */
  progress?(line: string): void;
};

export type StalledReadersReport = {
  /** Resident memory of the server in MB; NaN where the system does not tell. */
  memory: { before: number; most: number };
  /** Of the fast reader, from acknowledged append to receipt, in ms. */
  p99: { before: number; during: number };
  fast: Tally & { expected: number };
  returned: Tally & { expected: number };
  /** How the server parted from those who read on soon, and from the rest; by close code, `open` where it did not. */
  codes: { soon: Record<string, number>; late: Record<string, number> };
  /** How long those who came back took to have everything. */
  catchUpSeconds: number;
};

/** What two minutes of events take to be read again by several at once, on a machine that is busy. */
const PATIENCE_MS = 600_000;
/** Lines in one append: 2,000 events/s are 40 appends. */
const BATCH = 50;
const SAMPLE_MS = 500;

/** Readers of one run who stop reading, beside one who does not. */
export async function runStalledReaders(options: StalledReadersOptions): Promise<StalledReadersReport> {
  const { seconds, progress = () => {} } = options;
  await using scene = await openScene(options);
  const { watched, written, fast, latencies, writer } = scene;
  const alone = await written.span(seconds.alone);
  using memory = sampleMemory(scene.api);
  const readers = await stallAll(watched, options.readers, written.newest);
  progress(`${readers.length} readers have stopped`);

  const stalled = written.span(seconds.stalled);
  await written.span(options.returnAfterSeconds);
  const returning = readers.slice(0, options.returning);
  const soon = await partings(returning);
  progress(`read on after ${options.returnAfterSeconds} s: ${JSON.stringify(soon)}`);
  const during = await stalled;
  const used = await memory.most();
  const late = await partings(readers.slice(options.returning));
  progress(`read on after ${seconds.stalled} s: ${JSON.stringify(late)}`);

  const { [watched.run]: last = 0 } = await writer.finish();
  const catchUpSeconds = await comeBack(watched, returning);
  await within(PATIENCE_MS, 'that the fast reader had everything', fast.ended);
  return {
    memory: used,
    p99: { before: latencies.p99(alone), during: latencies.p99(during) },
    fast: { ...fast.received.tally(), expected: last },
    returned: {
      ...sumOf(returning.map(({ received }) => received.tally())),
      expected: returning.reduce((sum, { after }) => sum + last - after, 0),
    },
    codes: { soon, late },
    catchUpSeconds,
  };
}

type Scene = AsyncDisposable & {
  api: ApiProcess;
  watched: Watched;
  writer: PacedWriter;
  /** How far it has written, which is how time is told here. */
  written: Milestones;
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
  const written = new Milestones(eventsPerSecond);
  const fast = follow(watched, new Received(watched.run, { lineBytes }), (seq) => latencies.arrived(seq));
  stack.defer(fast.close);
  const writer = await startPacedWriter({
    ...{ url: database.admin, runs: [watched.run], linesPerSecond: eventsPerSecond, batch: BATCH, lineBytes },
    onCommitted(_run, seq) {
      latencies.acknowledged(seq);
      written.reach(seq);
    },
  });
  await written.span(1);
  const parts = stack.move();
  return {
    ...{ api, watched, writer, written, fast, latencies },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function makeRun(database: TestDatabase): Promise<{ run: string; token: string }> {
  await using db = await connectFeed(database.admin);
  const user = await insertUser(db);
  return { run: await insertTraining(db, user), token: await tokenFor(user) };
}

function stallAll(watched: Watched, count: number, after: number): Promise<StalledReader[]> {
  return Promise.all(Array.from({ length: count }, () => stall(watched, after)));
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

/** Waiting for a number to be committed. */
class Milestones {
  newest = 0;
  readonly #perSecond: number;
  readonly #waiting = new Set<{ seq: number; resolve(): void }>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  reach(seq: number): void {
    this.newest = seq;
    for (const each of this.#waiting) {
      if (seq < each.seq) continue;
      this.#waiting.delete(each);
      each.resolve();
    }
  }

  /** Resolves when as much has been written as is in so many seconds, with the numbers of what it was. */
  async span(seconds: number): Promise<{ after: number; upTo: number }> {
    const after = this.newest;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add({ seq: after + seconds * this.#perSecond, resolve });
    await promise;
    return { after, upTo: this.newest };
  }
}

/** Samples memory from now on until it is disposed of; the first sample is what there was before. */
function sampleMemory(api: ApiProcess): Disposable & { most(): Promise<StalledReadersReport['memory']> } {
  const samples = [api.memory()];
  const timer = setInterval(() => samples.push(api.memory()), SAMPLE_MS);
  return {
    async most() {
      const known = (await Promise.all(samples)).map((value) => value ?? Number.NaN);
      return { before: known[0] ?? Number.NaN, most: Math.max(...known) };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
