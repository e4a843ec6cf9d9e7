import { microseconds } from './clock.ts';
import { percentiles } from './percentiles.ts';
import type { Commit, Received, Watch } from './protocol.ts';

const FAULTS_SHOWN = 5;
/** No run of a bench has as many events; a watch and a number make one key. */
const MOST_EVENTS = 2 ** 24;

/** A number of events of all sockets that is waited for. */
type Wait = { isThere(socket: number, seq: number): boolean; left: number; done(): void };

/** What every socket was sent, in which order, and when. */
export class Tally {
  readonly #watches: readonly Watch[];
  /** Number of the last event by socket; -1 for a socket that takes any as its first. */
  readonly #lastSeqs: number[];
  readonly #hasJoined: boolean[];
  #isRecording = false;
  #deliveries = { keys: new Float64Array(1 << 16), times: new Float64Array(1 << 16), count: 0 };
  #counts = { frames: 0, bytes: 0, doubled: 0, outOfOrder: 0 };
  #faults: string[] = [];
  #faultCount = 0;
  #joining: Wait | undefined;
  #catchingUp: Wait | undefined;

  constructor(watches: readonly Watch[], sockets: number, fromCursor: boolean) {
    this.#watches = watches;
    this.#lastSeqs = Array.from({ length: sockets }, (_, at) => (fromCursor ? this.watchOf(at).after : -1));
    this.#hasJoined = new Array(sockets).fill(false);
  }

  watchOf(socket: number): Watch {
    const watch = this.#watches[socket % this.#watches.length];
    if (watch === undefined) throw new Error('There is nothing to watch.');
    return watch;
  }

  /** Counts from here on. */
  record(): void {
    this.#isRecording = true;
    this.#deliveries.count = 0;
    this.#counts = { frames: 0, bytes: 0, doubled: 0, outOfOrder: 0 };
  }

  fault(sentence: string): void {
    this.#faultCount += 1;
    if (this.#faults.length < FAULTS_SHOWN) this.#faults.push(sentence.slice(0, 300));
  }

  /** A frame with these events has come to a socket. */
  take(socket: number, seqs: readonly number[], bytes: number): void {
    const now = microseconds();
    this.#counts.frames += 1;
    this.#counts.bytes += bytes;
    for (const seq of seqs) this.#deliver(socket, seq, now);
    if (this.#hasJoined[socket]) return;
    this.#hasJoined[socket] = true;
    arrive(this.#joining);
  }

  /** How many sockets have had no frame by then. */
  joined(withinMs: number): Promise<number> {
    const left = this.#hasJoined.filter((hasJoined) => !hasJoined).length;
    const { wait, over } = waiting(left, withinMs, () => true);
    this.#joining = wait;
    return over;
  }

  /** How many sockets have not had by then the event of this number, one a watch. */
  caughtUp(seqs: readonly number[], withinMs: number): Promise<number> {
    const wanted = (socket: number) => seqs[socket % seqs.length] ?? 0;
    const left = this.#lastSeqs.filter((seq, socket) => seq < wanted(socket)).length;
    const { wait, over } = waiting(left, withinMs, (socket, seq) => seq >= wanted(socket));
    this.#catchingUp = wait;
    return over;
  }

  /** @param commits the events that every socket of their watch should have */
  received(commits: readonly Commit[]): Received {
    const { keys, times, count } = this.#deliveries;
    const byKey = new Map(commits.map((commit) => [keyOf(commit.watch, commit.seq), commit]));
    const fromCommit: number[] = [];
    const fromSending: number[] = [];
    for (let at = 0; at < count; at += 1) {
      const commit = byKey.get(keys[at] ?? 0);
      const time = times[at] ?? 0;
      if (commit === undefined) continue;
      fromCommit.push((time - commit.committedAt) / 1000);
      fromSending.push((time - commit.sentAt) / 1000);
    }
    return {
      ...this.#counts,
      deliveries: count,
      missed: this.#expected(commits) - fromCommit.length,
      lastAt: times[count - 1] ?? 0,
      fromCommit: percentiles(fromCommit),
      fromSending: percentiles(fromSending),
      faults:
        this.#faultCount > this.#faults.length
          ? [...this.#faults, `${this.#faultCount} in all`]
          : this.#faults,
    };
  }

  #expected(commits: readonly Commit[]): number {
    const socketsOf = this.#watches.map(() => 0);
    for (const socket of this.#lastSeqs.keys()) {
      const watch = socket % this.#watches.length;
      socketsOf[watch] = (socketsOf[watch] ?? 0) + 1;
    }
    return commits.reduce((sum, { watch }) => sum + (socketsOf[watch] ?? 0), 0);
  }

  #deliver(socket: number, seq: number, now: number): void {
    const last = this.#lastSeqs[socket] ?? -1;
    if (last >= 0 && seq <= last) {
      this.#counts.doubled += 1;
      return;
    }
    if (last >= 0 && seq !== last + 1) this.#counts.outOfOrder += 1;
    this.#lastSeqs[socket] = seq;
    if (this.#isRecording) this.#keep(keyOf(socket % this.#watches.length, seq), now);
    const wait = this.#catchingUp;
    if (wait?.isThere(socket, seq) && !wait.isThere(socket, last)) arrive(wait);
  }

  #keep(key: number, now: number): void {
    const { keys, times, count } = this.#deliveries;
    if (count === keys.length) {
      this.#deliveries = { keys: twice(keys), times: twice(times), count };
    }
    this.#deliveries.keys[count] = key;
    this.#deliveries.times[count] = now;
    this.#deliveries.count = count + 1;
  }
}

function keyOf(watch: number, seq: number): number {
  return watch * MOST_EVENTS + seq;
}

function waiting(left: number, withinMs: number, isThere: Wait['isThere']) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  const wait: Wait = { isThere, left, done: resolve };
  if (left === 0) resolve();
  const over = promise.then(() => {
    clearTimeout(timer);
    return wait.left;
  });
  return { wait, over };
}

function arrive(wait: Wait | undefined): void {
  if (wait === undefined) return;
  wait.left -= 1;
  if (wait.left === 0) wait.done();
}

function twice(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(values.length * 2);
  longer.set(values);
  return longer;
}
