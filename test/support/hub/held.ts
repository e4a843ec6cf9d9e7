/** Calls that a test answers one by one, in whatever order. */
export class Held {
  readonly #calls: (() => void)[] = [];

  get count(): number {
    return this.#calls.length;
  }

  /** @param answer asked for when the call is released */
  hold<T>(answer: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.#calls.push(() => resolve(new Promise((settle) => settle(answer()))));
    });
  }

  /** Answers one of those that wait, counted round; nothing where none does. */
  release(index = 0): void {
    if (this.count > 0) this.#calls.splice(index % this.count, 1)[0]?.();
  }
}

/** Everything that follows from what has happened, as far as nothing is held. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Less than that: some of the promise callbacks that are due, so that the next step of a test comes between them. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await undefined;
}
