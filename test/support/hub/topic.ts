import type { EventFeed } from '../../../src/graphql/live/source.ts';
import { eventOf } from './stored-stream.ts';

/** A stream whose events a test adds, all of them at hand. */
export class Topic implements EventFeed {
  head = 0;
  isOver = false;
  failure: Error | undefined;
  /** How many hold it: groups, of which there is one for all who share their executions. */
  holders = 0;
  readonly #listeners = new Set<() => void>();

  add(count = 1): void {
    this.head += count;
    this.#tell();
  }

  end(): void {
    this.isOver = true;
    this.#tell();
  }

  fail(error: Error): void {
    this.failure = error;
    this.#tell();
  }

  open(): this {
    this.holders += 1;
    return this;
  }

  close(): void {
    this.holders -= 1;
  }

  after(cursor: number) {
    const count = Math.max(0, this.head - cursor);
    const events = Array.from({ length: count }, (_, i) => eventOf(cursor + 1 + i));
    return { events, to: cursor + count, ended: this.isOver };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
