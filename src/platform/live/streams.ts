import type { ExecutionRef } from '../feed/events.ts';
import type { RingLimits } from './ring.ts';
import type { LiveStats } from './stats.ts';
import { LiveStream } from './stream.ts';
import type { ReadStream } from './stream-reader.ts';

/** A stream that is kept for whoever holds it. */
export type HeldStream = { stream: LiveStream; release(): void };

type Kept = { stream: LiveStream; holders: number; idleSince: number };

export type StreamsOptions = { read: ReadStream; limits: RingLimits; graceMs: number; stats: LiveStats };

/** A hint can be lost (it is sent once, to who listens then), so every stream in use is looked at this often. */
const SLOW_POLL_MS = 2_000;
/** The looks are spread over that time: ten thousand of them at once would hold up everybody else. */
const TICK_MS = 100;

/** The streams that this process follows. One that nobody holds costs nothing and goes after a while. */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  get count(): number {
    return this.#kept.size;
  }

  /** @param lastSeq the number of its newest event, as whoever decided that it may be followed has seen it */
  hold(ref: ExecutionRef, lastSeq: number): HeldStream {
    const key = keyOf(ref.kind, ref.id);
    const kept = this.#kept.get(key) ?? this.#keep(key, ref);
    kept.holders += 1;
    if (kept.holders === 1) kept.stream.resume(lastSeq);
    else kept.stream.hint(lastSeq);
    let isReleased = false;
    return {
      stream: kept.stream,
      release() {
        if (isReleased) return;
        isReleased = true;
        kept.holders -= 1;
        kept.idleSince = performance.now();
      },
    };
  }

  hint(kind: string, id: string, seq: number | undefined): void {
    const kept = this.#kept.get(keyOf(kind, id));
    if (kept && kept.holders > 0) kept.stream.hint(seq);
  }

  /** Any of them may have changed. */
  lookAtAll(): void {
    for (const { holders, stream } of this.#kept.values()) if (holders > 0) stream.look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #keep(key: string, ref: ExecutionRef): Kept {
    const kept = { stream: new LiveStream({ ref, ...this.#options }), holders: 0, idleSince: 0 };
    this.#kept.set(key, kept);
    return kept;
  }

  #tick(): void {
    const now = performance.now();
    let looks = Math.ceil((this.#kept.size * TICK_MS) / SLOW_POLL_MS) + 1;
    for (const [key, { stream, holders, idleSince }] of this.#kept) {
      if (holders > 0) {
        if (looks === 0 || stream.state !== 'open' || now - stream.lookedAt < SLOW_POLL_MS) continue;
        looks -= 1;
        stream.look();
      } else if (now - idleSince > this.#options.graceMs || stream.state !== 'open') this.#kept.delete(key);
    }
  }
}

function keyOf(kind: string, id: string): string {
  return `${kind}:${id}`;
}
