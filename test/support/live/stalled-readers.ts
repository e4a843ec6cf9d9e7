import { connectFeed, insertTraining, insertUser } from '../feed.ts';
import { createTestDatabase, type TestDatabase } from '../postgres.ts';
import { type ApiProcess, startApiProcess, tokenFor } from './api-process.ts';
import { Latencies } from './latencies.ts';
import { startPacedWriter } from './paced-writer.ts';
import { openProtocolSocket, type ProtocolSocket } from './protocol-socket.ts';
import { Received, sumOf, type Tally } from './received.ts';
import { startWatching, WATCH } from './watching-client.ts';
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
  /** How the server parted from those who came back soon, and from the rest; by close code, `open` where it did not. */
  codes: { soon: Record<string, number>; late: Record<string, number> };
  /** How long those who came back took to have everything. */
  catchUpSeconds: number;
};

/** What 120 s of events take to be read again by several at once, on a machine that is busy. */
const PATIENCE_MS = 600_000;
/** To read what the kernel holds, at the end of which there is the close. */
const PARTING_MS = 15_000;
/** Lines in one append: 2,000 events/s are 40 appends. */
const BATCH = 50;
const SAMPLE_MS = 500;

/** Readers of one run who stop reading, beside one who does not. */
export async function runStalledReaders(options: StalledReadersOptions): Promise<StalledReadersReport> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase());
  const api = await startApiProcess(database, { LIVE_STALLED_SECONDS: String(options.stalledSeconds) });
  stack.defer(async () => void (await api.stop()));
  const { run, token } = await makeRun(database);
  const { lineBytes, eventsPerSecond, seconds, progress = () => {} } = options;
  const watch = { url: api.url, token, run, lineBytes };

  const latencies = new Latencies();
  const written = new Milestones();
  const fast = follow(watch, new Received(run, { lineBytes }), (seq) => latencies.arrived(seq));
  stack.defer(fast.close);
  const writer = await startPacedWriter({
    ...{ url: database.admin, runs: [run], linesPerSecond: eventsPerSecond, batch: BATCH, lineBytes },
    onCommitted(_run, seq) {
      latencies.acknowledged(seq);
      written.reach(seq);
    },
  });
  const afterSeconds = (from: number, count: number) => written.reached(from + count * eventsPerSecond);

  const begun = await written.reached(eventsPerSecond);
  const alone = await afterSeconds(begun, seconds.alone);
  const memory = sampleMemory(api);
  stack.defer(async () => void (await memory.stop()));
  const readers = await Promise.all(
    Array.from({ length: options.readers }, () => stall(watch, written.newest)),
  );
  const stalled = written.newest;
  progress(`${readers.length} readers have stopped`);
  await afterSeconds(stalled, options.returnAfterSeconds);
  const [soon, late] = [readers.slice(0, options.returning), readers.slice(options.returning)];
  const soonCodes = await partings(soon);
  progress(`read on after ${options.returnAfterSeconds} s: ${JSON.stringify(soonCodes)}`);
  const over = await afterSeconds(stalled, seconds.stalled);
  const used = await memory.stop();
  const lateCodes = await partings(late);
  progress(`read on after ${seconds.stalled} s: ${JSON.stringify(lateCodes)}`);

  const returnedAt = performance.now();
  const back = soon.map(({ received }) => follow(watch, received));
  stack.defer(() => {
    for (const client of back) client.close();
  });
  const { [run]: last = 0 } = await writer.finish();
  await within(
    PATIENCE_MS,
    'that all who came back had everything',
    Promise.all(back.map(({ ended }) => ended)),
  );
  const catchUpSeconds = (performance.now() - returnedAt) / 1000;
  await within(PATIENCE_MS, 'that the fast reader had everything', fast.ended);
  const began = soon.reduce((sum, { after }) => sum + last - after, 0);
  return {
    memory: used,
    p99: {
      before: latencies.p99({ after: begun, upTo: alone }),
      during: latencies.p99({ after: stalled, upTo: over }),
    },
    fast: { ...fast.received.tally(), expected: last },
    returned: { ...sumOf(soon.map(({ received }) => received.tally())), expected: began },
    codes: { soon: soonCodes, late: lateCodes },
    catchUpSeconds,
  };
}

type Watch = { url: string; token: string; run: string; lineBytes: number };

async function makeRun(database: TestDatabase): Promise<{ run: string; token: string }> {
  await using db = await connectFeed(database.admin);
  const user = await insertUser(db);
  return { run: await insertTraining(db, user), token: await tokenFor(user) };
}

/** Follows the run from where `received` ends, to its end. */
function follow({ url, token, run }: Watch, received: Received, onEvent?: (seq: number) => void) {
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

type StalledReader = {
  received: Received;
  after: number;
  closed: Promise<number>;
} & Pick<ProtocolSocket, 'resume' | 'drop'>;

/** Resolves as soon as the first batch has come, which is when it stops reading. */
async function stall({ url, token, run, lineBytes }: Watch, after: number): Promise<StalledReader> {
  const received = new Received(run, { after, lineBytes });
  const { promise: stalled, resolve: stop } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<number>();
  const socket = openProtocolSocket({
    url,
    init: { authorization: `Bearer ${token}` },
    onMessage(message) {
      const payload = { query: WATCH, variables: { id: run, after } };
      if (message.type === 'connection_ack') socket.send({ id: 'events', type: 'subscribe', payload });
      if (message.type !== 'next') return;
      if (received.cursor === after) {
        socket.pause();
        stop();
      }
      for (const event of message.payload.data?.executionEvents.events ?? []) received.take(event);
    },
    onClose: close,
  });
  await within(PATIENCE_MS, 'that a reader had its first batch', stalled);
  return { received, after, closed, resume: socket.resume, drop: socket.drop };
}

/**
 * Lets them read what was still on its way, and counts how their connections were closed: by code, and `open` where
 * they were not.
 */
async function partings(readers: StalledReader[]): Promise<Record<string, number>> {
  const codes: Record<string, number> = {};
  const parting = async ({ resume, closed, drop }: StalledReader) => {
    resume();
    const code = await within(PARTING_MS, 'that a stalled reader was closed', closed).catch(() => 'open');
    drop();
    codes[code] = (codes[code] ?? 0) + 1;
  };
  await Promise.all(readers.map(parting));
  return codes;
}

/** Waiting for a number to be committed, which is how time is told here. */
class Milestones {
  newest = 0;
  readonly #waiting = new Set<{ seq: number; resolve(newest: number): void }>();

  reach(seq: number): void {
    this.newest = seq;
    for (const each of this.#waiting) {
      if (seq < each.seq) continue;
      this.#waiting.delete(each);
      each.resolve(seq);
    }
  }

  reached(seq: number): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.add({ seq, resolve });
    return promise;
  }
}

/** Memory now, and the most from now on until it is stopped. */
function sampleMemory(api: ApiProcess): { stop(): Promise<StalledReadersReport['memory']> } {
  const samples = [api.memory()];
  const timer = setInterval(() => samples.push(api.memory()), SAMPLE_MS);
  return {
    async stop() {
      clearInterval(timer);
      const known = await Promise.all(samples);
      return { before: known[0] ?? Number.NaN, most: Math.max(...known.map((value) => value ?? Number.NaN)) };
    },
  };
}
