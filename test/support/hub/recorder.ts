import type { ExecutionResult } from 'graphql';
import type { Frame } from '../../../src/graphql/live/frame.ts';
import type { Sink } from '../../../src/graphql/live/sink.ts';

/** A sink that keeps what it is given, and is full when a test says so. */
export class Recorder<Payload> implements Sink {
  readonly received: Payload[] = [];
  /** One entry an end; there must not be more than one. */
  readonly ends: (ExecutionResult | undefined)[] = [];
  /** What was given to it after its end, or while it was full. */
  readonly faults: string[] = [];
  readonly #waiting: (() => void)[] = [];
  /** Is full after so many frames. */
  fillsAfter = Number.POSITIVE_INFINITY;
  #isFull = false;
  #isOver = false;

  get isReady(): boolean {
    return !this.#isFull && this.#waiting.length === 0;
  }

  get hasEnded(): boolean {
    return this.ends.length > 0;
  }

  fill(): void {
    this.#isFull = true;
  }

  drain(): void {
    this.#isFull = false;
    for (const callback of this.#waiting.splice(0)) callback();
  }

  whenReady(callback: () => void): void {
    if (this.isReady) queueMicrotask(callback);
    else this.#waiting.push(callback);
  }

  /** The group says that it is about to end it. */
  endsFollowing(): void {
    if (this.#isOver) this.faults.push('it was forgotten twice');
    this.#isOver = true;
  }

  next(frame: Frame): void {
    if (this.hasEnded) this.faults.push('a frame after the end');
    if (this.#isFull) this.faults.push('a frame while it was full');
    this.received.push(payloadOf(frame));
    if (this.received.length >= this.fillsAfter) this.fill();
  }

  end(last?: ExecutionResult): void {
    if (this.hasEnded) this.faults.push('a second end');
    if (!this.#isOver) this.faults.push('an end of one who was not forgotten before');
    this.ends.push(last);
  }
}

/** The JSON that a frame carries. */
export function payloadOf<Payload>(frame: Frame): Payload {
  return JSON.parse(frame.serverSent().toString().replace('event: next\ndata: ', ''));
}
