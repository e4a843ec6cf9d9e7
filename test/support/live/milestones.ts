/** Waiting for numbers to be reached. */
export class Milestones {
  newest = 0;
  readonly #waiting = new Set<{ seq: number; resolve(): void }>();

  reach(seq: number): void {
    this.newest = seq;
    for (const each of this.#waiting) {
      if (seq < each.seq) continue;
      this.#waiting.delete(each);
      each.resolve();
    }
  }

  reached(seq: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (seq <= this.newest) resolve();
    else this.#waiting.add({ seq, resolve });
    return promise;
  }
}
