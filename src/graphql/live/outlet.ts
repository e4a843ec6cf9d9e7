import type { LiveStats } from '../../platform/live/stats.ts';

/** What a connection writes to: a socket, or a response on one. */
export type Stream = {
  readonly writableLength: number;
  readonly writableEnded: boolean;
  readonly destroyed: boolean;
  write(chunk: Buffer): boolean;
  cork(): void;
  uncork(): void;
  once(event: 'drain', listener: () => void): unknown;
};

export type OutletLimits = {
  /** Unsent bytes beyond which nothing more is written. */
  maxBufferedBytes: number;
  /** How long they may stay unsent. */
  stalledMs: number;
};

/** What the connections of a process have in common. */
type Shared = { maxBufferedBytes: number; full: Set<Outlet>; stats: LiveStats };

const SWEEP_MS = 1_000;

/** Connections that are full, looked through once a second: those that stay so are cut off. */
export class Outlets {
  readonly #stalledMs: number;
  readonly #shared: Shared;
  readonly #timer: NodeJS.Timeout;

  constructor({ stalledMs, maxBufferedBytes }: OutletLimits, stats: LiveStats) {
    this.#stalledMs = stalledMs;
    this.#shared = { maxBufferedBytes, full: new Set(), stats };
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** @param onStalled called once, for a client that has read too little for too long */
  open(stream: Stream, onStalled: () => void): Outlet {
    return new Outlet(stream, this.#shared, onStalled);
  }

  /** What those that are full hold back in this process. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const outlet of this.#shared.full) bytes += outlet.bufferedBytes;
    return bytes;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    const before = performance.now() - this.#stalledMs;
    for (const outlet of this.#shared.full) if (outlet.fullSince <= before) outlet.stall();
  }
}

/**
 * One client's connection as those who write to it see it. What the kernel does not take at once stays in this process, so a
 * client that stops reading is told by the bytes that pile up; past the limit nothing more is written until all have gone.
 */
export class Outlet {
  readonly #stream: Stream;
  readonly #shared: Shared;
  readonly #onStalled: () => void;
  /** Who waits for it to be ready; made when it first is not, which for most it always is. */
  #waiting: Set<() => void> | undefined;
  #isClosed = false;
  fullSince = 0;

  constructor(stream: Stream, shared: Shared, onStalled: () => void) {
    this.#stream = stream;
    this.#shared = shared;
    this.#onStalled = onStalled;
  }

  get isReady(): boolean {
    return this.#waiting === undefined && this.#stream.writableLength <= this.#shared.maxBufferedBytes;
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  /**
   * The pieces of one message, with nothing in between.
   *
   * @returns whether they may be changed: false while some of what was written has not left this process
   */
  write(...pieces: readonly Buffer[]): boolean {
    const { writableEnded, destroyed } = this.#stream;
    if (this.#isClosed || writableEnded || destroyed) {
      // A client that closes its socket has it ended in the answer: a write after that would break the connection off.
      this.#shared.stats.dropped += 1;
      return true;
    }
    if (pieces.length === 1) this.#stream.write(pieces[0] as Buffer);
    else this.#writeAll(pieces);
    return this.#stream.writableLength === 0;
  }

  #writeAll(pieces: readonly Buffer[]): void {
    this.#stream.cork();
    for (const piece of pieces) this.#stream.write(piece);
    this.#stream.uncork();
  }

  /** Calls back once everything has been sent; never where the connection closes before. */
  whenReady(callback: () => void): void {
    if (this.isReady) queueMicrotask(callback);
    else {
      this.#waiting ??= this.#wait();
      this.#waiting.add(callback);
    }
  }

  stall(): void {
    this.#shared.stats.stalled += 1;
    this.close();
    this.#onStalled();
  }

  /** Nothing is written any more; a client that does not take what was is cut off all the same. */
  finish(): void {
    this.#isClosed = true;
    if (this.#stream.writableLength > 0) this.#waiting ??= this.#wait();
  }

  /** Nothing is written any more, and the connection is somebody else's to close. */
  close(): void {
    this.#isClosed = true;
    this.#shared.full.delete(this);
  }

  #wait(): Set<() => void> {
    this.fullSince = performance.now();
    this.#shared.full.add(this);
    this.#stream.once('drain', () => this.#drained());
    return new Set();
  }

  #drained(): void {
    this.#shared.full.delete(this);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const callback of waiting ?? []) callback();
  }
}
