import type { StateFeed, Subject } from '../../../src/graphql/live/source.ts';
import { StateGroup } from '../../../src/graphql/live/state-group.ts';
import { LiveStats } from '../../../src/platform/live/stats.ts';
import type { Clock } from './clock.ts';
import { Held, settled } from './held.ts';
import { Recorder } from './recorder.ts';

/** A state as it was read: `version` counts the changes of the subject, `execution` all executions of the group. */
export type State = { id: string; version: number; execution: number; hasLeft?: boolean };
type Delivery = State & { at: number; drains: number };

/** No honest work executes so often between two turns of the event loop. */
const MOST_CALLS_A_TURN = 1_000;

/** A member of the group, with what it was shown and when. */
export class Watcher extends Recorder<State> {
  readonly deliveries: Delivery[] = [];
  /** What it must be shown in the end: what was there when it came, and whatever changed since. */
  readonly expected: Set<string>;
  readonly joinedAt: number;
  readonly #clock: Clock;
  readonly #member: { leave(): void };
  hasLeft = false;
  #drains = 0;

  constructor(group: StateGroup, expected: Iterable<string>, clock: Clock) {
    super();
    this.#clock = clock;
    this.expected = new Set(expected);
    this.joinedAt = clock.now;
    this.#member = group.join({ sink: this, onEnd: () => this.endsFollowing() });
  }

  leave(): void {
    this.hasLeft = true;
    this.#member.leave();
  }

  override drain(): void {
    this.#drains += 1;
    super.drain();
  }

  override next(...args: Parameters<Recorder<State>['next']>): void {
    if (this.hasLeft) this.faults.push('a state after it had left');
    super.next(...args);
    const state = this.received.at(-1);
    if (state) this.deliveries.push({ ...state, at: this.#clock.now, drains: this.#drains });
  }

  last(id: string): State | undefined {
    return this.received.findLast((state) => state.id === id);
  }
}

/**
 * A group over things that change. What has changed is asked for, and states are read, when a test releases the call; time
 * passes when it says so.
 */
export class StateStage {
  readonly held = new Held();
  readonly stats = new LiveStats();
  readonly clock: Clock;
  readonly group: StateGroup;
  readonly watchers: Watcher[] = [];
  readonly faults: string[] = [];
  readonly versions = new Map<string, number>();
  /** How often what changed cannot be told, nor a state be read, as while the database is away. */
  failures = 0;
  executions = 0;
  takes = 0;
  isBroken = false;
  isOver = false;
  isGone = false;
  isEmpty = false;
  isClosed = false;
  readonly #first: readonly Subject[];
  #changed = new Set<string>();
  #listener: () => void = () => {};
  #callsThisTurn = 0;

  /** @param first ids of what is there for whoever joins */
  constructor(
    clock: Clock,
    { first = ['a'], minGapMs = 100 }: { first?: readonly string[]; minGapMs?: number } = {},
  ) {
    this.clock = clock;
    this.#first = first.map((id) => ({ id }));
    this.group = new StateGroup(
      { kind: 'states', key: 'states', minGapMs, open: () => this.#feed(), watch: () => () => {} },
      this.#feed(),
      {
        execute: (subject) => this.#execute(subject as Subject),
        failed: (error) => ({ data: { failed: String(error) } }),
        pause: (ms) => clock.pause(ms),
        onEmpty: () => {
          this.isEmpty = true;
          this.group.close();
        },
        stats: this.stats,
      },
    );
  }

  join(): Watcher {
    const watcher = new Watcher(
      this.group,
      this.#first.map(({ id }) => id),
      this.clock,
    );
    this.watchers.push(watcher);
    return watcher;
  }

  change(id: string): void {
    this.versions.set(id, this.versionOf(id) + 1);
    this.#changed.add(id);
    for (const watcher of this.watchers) watcher.expected.add(id);
    this.#listener();
  }

  /** Wakes the group though nothing has changed. */
  wake(): void {
    this.#listener();
  }

  end(): void {
    this.isOver = true;
    this.#listener();
  }

  delete(): void {
    this.isGone = true;
    this.#listener();
  }

  versionOf(id: string): number {
    return this.versions.get(id) ?? 0;
  }

  /** Lets everything come to rest at this time. */
  async rest(): Promise<void> {
    for (await settled(); this.held.count > 0; await settled()) this.held.release();
  }

  /** Lets everything come to rest however long it takes. */
  async restLater(): Promise<void> {
    for (await this.rest(); this.clock.pauses > 0; await this.rest()) this.clock.pass(1_000);
  }

  #feed(): StateFeed {
    const stage = this;
    return {
      first: this.#first,
      take: () => this.#take(),
      get isOver() {
        return stage.isOver;
      },
      get failure() {
        return stage.isGone ? new Error('gone') : undefined;
      },
      onChange: (listener) => {
        this.#listener = listener;
        return () => {
          this.#listener = () => {};
        };
      },
      close: () => {
        if (this.isClosed) this.faults.push('closed twice');
        this.isClosed = true;
      },
    };
  }

  /** As lists do: what has changed is forgotten once it was told. */
  #take(): Promise<readonly Subject[]> {
    this.#count('look');
    if (this.isBroken) throw new Error('a bug');
    this.takes += 1;
    const ids = [...this.#changed];
    this.#changed = new Set();
    return this.held.hold(() => {
      if (this.#fails()) {
        for (const id of ids) this.#changed.add(id);
        throw outage();
      }
      return ids.map((id) => ({ id }));
    });
  }

  #execute({ id }: Subject): Promise<string> {
    this.#count('execution');
    this.executions += 1;
    const execution = this.executions;
    return this.held.hold(() => {
      if (this.#fails()) throw outage();
      return JSON.stringify({ id, version: this.versionOf(id), execution } satisfies State);
    });
  }

  #fails(): boolean {
    if (this.failures === 0) return false;
    this.failures -= 1;
    return true;
  }

  #count(what: string): void {
    if (this.isEmpty) this.faults.push(`a ${what} after the last watcher had left`);
    if (this.#callsThisTurn === 0) setImmediate(() => (this.#callsThisTurn = 0));
    this.#callsThisTurn += 1;
    if (this.#callsThisTurn > MOST_CALLS_A_TURN) throw new Error('it goes round without an end');
  }
}

function outage(): Error {
  return Object.assign(new Error('the database is away'), { code: 'ECONNREFUSED' });
}
