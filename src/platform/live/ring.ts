import type { ExecutionEvent } from '../feed/events.ts';
import type { SizedEvent } from '../feed/stream-pages.ts';

export type RingLimits = {
  /** How many events. */
  events: number;
  /** Characters of their payloads' texts, with an allowance for the rest of each event. */
  bytes: number;
};

/** Events from a place on until one of the limits is reached, which the last of them may pass. */
export function firstOf(events: readonly SizedEvent[], limits: RingLimits, from = 0): ExecutionEvent[] {
  const first: ExecutionEvent[] = [];
  let bytes = 0;
  for (let at = from; first.length < limits.events && bytes < limits.bytes; at += 1) {
    const next = events[at];
    if (!next) break;
    first.push(next.event);
    bytes += next.bytes;
  }
  return first;
}

/** Number, moment, type and the objects that hold them. */
const EVENT_OVERHEAD = 200;

/**
 * The newest events of a stream, numbered without gaps. The oldest go where either limit is passed; the newest one stays
 * whatever its size, so that whoever is level with the stream is always served from here.
 */
export class Ring {
  readonly #limits: RingLimits;
  #events: SizedEvent[] = [];
  /** What is before it has gone; cut off now and then rather than with each event. */
  #start = 0;
  #bytes = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** Takes the events that follow on what it has; events that do not, take its place. */
  push(events: readonly SizedEvent[]): void {
    const [first] = events;
    if (!first) return;
    if (this.#lastSeq !== undefined && first.event.seq !== this.#lastSeq + 1) this.clear();
    for (const sized of events) {
      this.#events.push(sized);
      this.#bytes += sized.bytes + EVENT_OVERHEAD;
    }
    this.#drop();
  }

  /** The first events after a cursor; undefined where some of them have gone or never were in here. */
  after(cursor: number, limits: RingLimits): ExecutionEvent[] | undefined {
    const first = this.#events[this.#start];
    if (!first || cursor < first.event.seq - 1) return undefined;
    return firstOf(this.#events, limits, this.#start + cursor + 1 - first.event.seq);
  }

  clear(): void {
    this.#events = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  get #lastSeq(): number | undefined {
    return this.#events.at(-1)?.event.seq;
  }

  #drop(): void {
    const { events, bytes } = this.#limits;
    while (this.#start < this.#events.length - 1) {
      const isWithin = this.#events.length - this.#start <= events && this.#bytes <= bytes;
      if (isWithin) break;
      this.#bytes -= (this.#events[this.#start]?.bytes ?? 0) + EVENT_OVERHEAD;
      this.#start += 1;
    }
    if (this.#start * 2 <= this.#events.length) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }
}
