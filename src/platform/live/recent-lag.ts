import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** So long a lag is an outage, however much longer it is: an hour, in microseconds. */
const LONGEST_US = 3_600_000_000;
/** Exact to a hundredth, in 27 kB; a figure more would take 190 kB and ten times as long to read. */
const FIGURES = 2;
/** Whoever looks once a minute, as Prometheus mostly does, sees all that was recorded. */
const TURN_MS = 60_000;

/**
 * How late frames were, of which the percentiles forget: an hour's good values would hide a bad minute. Two histograms
 * take turns, so these are of the last one to two minutes. To record takes two tenths of a microsecond.
 */
export class RecentLag {
  /** How many were recorded since the process started. */
  count = 0;
  /** What they add up to, in milliseconds. */
  sumMs = 0;
  readonly #now: () => number;
  #current = emptyHistogram();
  #previous = emptyHistogram();
  #turnedAt: number;

  /** @param now in milliseconds from any moment on */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#turnedAt = now();
  }

  /** @param ms below zero where the clocks of database and process disagree by more than the way takes: then it counts as 0 */
  record(ms: number): void {
    this.#turn();
    const lag = Math.max(0, ms);
    this.count += 1;
    this.sumMs += lag;
    this.#current.record(Math.min(LONGEST_US, Math.max(1, Math.round(lag * 1_000))));
  }

  /**
   * Lags that so many of a hundred frames of late did not exceed.
   *
   * @returns in milliseconds, in the order of the percentages; undefined for each where nothing was recorded
   */
  percentiles<const Percentages extends readonly number[]>(
    percentages: Percentages,
  ): { [At in keyof Percentages]: number | undefined } {
    this.#turn();
    const recent = emptyHistogram();
    recent.add(this.#previous);
    recent.add(this.#current);
    return percentages.map((percentage) =>
      recent.count === 0 ? undefined : recent.percentile(percentage) / 1_000,
    ) as { [At in keyof Percentages]: number | undefined };
  }

  #turn(): void {
    const now = this.#now();
    if (now - this.#turnedAt < TURN_MS) return;
    const isLongAgo = now - this.#turnedAt >= 2 * TURN_MS;
    const oldest = this.#previous;
    this.#previous = this.#current;
    this.#current = oldest;
    this.#current.reset();
    if (isLongAgo) this.#previous.reset();
    this.#turnedAt = now;
  }
}

function emptyHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: LONGEST_US, figures: FIGURES });
}
