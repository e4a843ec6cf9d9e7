/** How long batches took from their acknowledgement to a reader in the same process, by phase. */
export class Latencies {
  readonly #acknowledged = new Map<number, number>();
  readonly #arrived: number[] = [];

  /** @param seq number of the last event of an append */
  acknowledged(seq: number): void {
    this.#acknowledged.set(seq, performance.now());
  }

  arrived(seq: number): void {
    this.#arrived[seq] = performance.now();
  }

  /** The 99th percentile of the appends in a range of numbers, in ms; one that came before its acknowledgement took 0. */
  p99({ after, upTo }: { after: number; upTo: number }): number {
    const all: number[] = [];
    for (const [seq, acknowledged] of this.#acknowledged) {
      const arrived = this.#arrived[seq];
      if (seq > after && seq <= upTo && arrived !== undefined) all.push(Math.max(0, arrived - acknowledged));
    }
    all.sort((a, b) => a - b);
    const value = all[Math.ceil(all.length * 0.99) - 1];
    if (value === undefined) throw new Error(`nothing arrived of ${after} to ${upTo}`);
    return value;
  }
}
