import { lineOf } from './lines.ts';

/** An event as a watcher asks for it; `message` is there on lines alone. */
export type ReceivedEvent = { seq: number; message?: string };

/** All but `received` are 0 where nothing is wrong. */
export type Tally = {
  received: number;
  /** Left out, and not made good for later. */
  lost: number;
  doubled: number;
  /** Came, but after a later one. */
  reordered: number;
  /** The text is not the one that follows from run and number. */
  altered: number;
};

/** What one watcher has received of one run, held against what the numbers and the lines must be. */
export class Received {
  readonly run: string;
  readonly lineBytes: number;
  /** Number of the newest event received. */
  cursor: number;
  readonly #tally: Tally = { received: 0, lost: 0, doubled: 0, reordered: 0, altered: 0 };
  readonly #missing = new Set<number>();

  /** @param after number of the event that it begins after */
  constructor(run: string, { after = 0, lineBytes = 0 } = {}) {
    this.run = run;
    this.cursor = after;
    this.lineBytes = lineBytes;
  }

  take({ seq, message }: ReceivedEvent): void {
    this.#tally.received += 1;
    if (message !== undefined && message !== lineOf(this.run, seq, this.lineBytes)) this.#tally.altered += 1;
    if (seq > this.cursor) {
      for (let missed = this.cursor + 1; missed < seq; missed += 1) this.#missing.add(missed);
      this.cursor = seq;
    } else if (this.#missing.delete(seq)) this.#tally.reordered += 1;
    else this.#tally.doubled += 1;
  }

  tally(): Tally {
    return { ...this.#tally, lost: this.#missing.size };
  }
}

export function sumOf(tallies: Iterable<Tally>): Tally {
  const sum: Tally = { received: 0, lost: 0, doubled: 0, reordered: 0, altered: 0 };
  for (const tally of tallies) {
    for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += tally[key];
  }
  return sum;
}
