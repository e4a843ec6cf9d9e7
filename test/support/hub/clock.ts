import { vi } from 'vitest';

/** Time that stands still but where a test lets it pass; `performance.now()` tells it until it is stopped. */
export class Clock {
  now = 0;
  readonly #spy = vi.spyOn(performance, 'now').mockImplementation(() => this.now);
  #pauses: { until: number; end: () => void }[] = [];

  /** How many wait. */
  get pauses(): number {
    return this.#pauses.length;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#pauses.push({ until: this.now + ms, end: resolve }));
  }

  pass(ms: number): void {
    this.now += ms;
    const due = this.#pauses.filter(({ until }) => until <= this.now);
    this.#pauses = this.#pauses.filter(({ until }) => until > this.now);
    for (const { end } of due) end();
  }

  stop(): void {
    this.#spy.mockRestore();
  }
}
