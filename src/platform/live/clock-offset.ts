type Measurement = { offsetMs: number; roundTripMs: number; at: number };

/** Clocks drift: a measurement older than this gives way to any newer one. */
const KEPT_MS = 60_000;

/**
 * How far another clock is ahead of this process's. An answer tells it to half the time that it took, so of the last
 * minute's measurements the quickest counts.
 */
export class ClockOffset {
  #best: Measurement | undefined;

  /** In milliseconds; 0 until it was measured. */
  get ms(): number {
    return this.#best?.offsetMs ?? 0;
  }

  /** @param ask resolves with what the other clock shows, in milliseconds since the epoch */
  async measure(ask: () => Promise<number>): Promise<void> {
    const sent = Date.now();
    const shown = await ask();
    const at = Date.now();
    const roundTripMs = at - sent;
    const best = this.#best;
    if (best && roundTripMs > best.roundTripMs && at - best.at < KEPT_MS) return;
    this.#best = { offsetMs: shown - (sent + at) / 2, roundTripMs, at };
  }
}
