import { EventGroup } from '../../../src/graphql/live/event-group.ts';
import type { EventFeed } from '../../../src/graphql/live/source.ts';
import type { RingLimits } from '../../../src/platform/live/ring.ts';
import { LiveStats } from '../../../src/platform/live/stats.ts';
import { LiveStream } from '../../../src/platform/live/stream.ts';
import { Held, settled } from './held.ts';
import { Recorder } from './recorder.ts';
import { StoredStream } from './stored-stream.ts';

type Batch = { seqs: number[]; lastSeq: number; ended: boolean };

/** No honest work asks so often between two turns of the event loop. */
const MOST_CALLS_A_TURN = 2_000;

/** A member of the group, with what it was given. */
export class Follower extends Recorder<Batch> {
  readonly after: number;
  hasLeft = false;
  readonly #member: { leave(): void };

  constructor(group: EventGroup, after: number) {
    super();
    this.after = after;
    this.#member = group.join({ sink: this, after, onEnd: () => this.endsFollowing() });
  }

  get seqs(): number[] {
    return this.received.flatMap(({ seqs }) => seqs);
  }

  leave(): void {
    this.hasLeft = true;
    this.#member.leave();
  }

  override next(...args: Parameters<Recorder<Batch>['next']>): void {
    if (this.hasLeft) this.faults.push('a frame after it had left');
    super.next(...args);
  }

  override end(...args: Parameters<Recorder<Batch>['end']>): void {
    if (this.hasLeft) this.faults.push('an end after it had left');
    super.end(...args);
  }
}

/**
 * A group over a stream of the hub over a model of the database. Reads, executions and pauses are held until they are
 * released, so that a test decides what overtakes what.
 */
export class EventStage {
  readonly stored = new StoredStream();
  readonly held = new Held();
  readonly stats = new LiveStats();
  readonly stream: LiveStream;
  readonly group: EventGroup;
  readonly followers: Follower[] = [];
  /** What was done after the last follower had left. */
  readonly faults: string[] = [];
  executions = 0;
  /** Of every page. */
  ageMs: number | undefined;
  pauses = 0;
  isClosed = false;
  isEmpty = false;
  #callsThisTurn = 0;

  constructor({ ring = { events: 8, bytes: 1e6 }, after = 0, minGapMs = 0 }: StageOptions = {}) {
    const { stored, held, stats } = this;
    const read = (_ref: unknown, from: number, { most }: { most: number }) =>
      held.hold(() => stored.read(from, most));
    this.stream = new LiveStream({ ref: stored.ref, read, limits: ring, stats });
    this.stream.resume(stored.lastSeq);
    this.group = new EventGroup(
      {
        kind: 'events',
        key: 'events',
        minGapMs,
        after,
        open: () => this.#feed(),
        watch: () => () => {},
        ageOf: () => this.ageMs,
      },
      this.#feed(),
      {
        execute: (root) => this.#execute(root),
        failed: (error) => ({ data: { failed: String(error) } }),
        pause: () => {
          this.pauses += 1;
          return held.hold(() => {});
        },
        onEmpty: () => {
          this.isEmpty = true;
          this.group.close();
        },
        stats,
      },
    );
  }

  join(after: number): Follower {
    const follower = new Follower(this.group, after);
    this.followers.push(follower);
    return follower;
  }

  /** Lets everything come to rest. */
  async rest(): Promise<void> {
    for (;;) {
      await settled();
      if (this.held.count === 0) return;
      this.held.release();
    }
  }

  #feed(): EventFeed {
    const { stream } = this;
    return {
      get head() {
        return stream.head;
      },
      get isOver() {
        return stream.state === 'closed';
      },
      get failure() {
        return stream.state === 'gone' ? new Error('gone') : undefined;
      },
      after: (cursor) => {
        this.#count('read');
        return stream.after(cursor);
      },
      onChange: (listener) => stream.onChange(listener),
      close: () => {
        if (this.isClosed) this.faults.push('closed twice');
        this.isClosed = true;
      },
    };
  }

  #execute(root: unknown): Promise<string> {
    this.#count('execution');
    this.executions += 1;
    const { events, lastSeq, ended } = root as { events: { seq: number }[]; lastSeq: number; ended: boolean };
    return this.held.hold(() => JSON.stringify({ seqs: events.map(({ seq }) => seq), lastSeq, ended }));
  }

  #count(what: string): void {
    if (this.isEmpty) this.faults.push(`a ${what} after the last follower had left`);
    if (this.#callsThisTurn === 0) setImmediate(() => (this.#callsThisTurn = 0));
    this.#callsThisTurn += 1;
    if (this.#callsThisTurn > MOST_CALLS_A_TURN) throw new Error('it goes round without an end');
  }
}

export type StageOptions = { ring?: RingLimits; after?: number; minGapMs?: number };
