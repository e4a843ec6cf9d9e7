import type { ExecutionResult } from 'graphql';
import { isOutage } from '../../platform/db/driver-errors.ts';
import { Frame } from './frame.ts';
import type { Group, GroupOptions, Subscriber } from './group.ts';
import { type Sink, whenReady } from './sink.ts';
import type { StateFeed, StatesToFollow, Subject } from './source.ts';

type Member = {
  readonly sink: Sink;
  readonly onEnd: () => void;
  /** What it has yet to be shown, by id: the newest state of each, whatever came and went before. */
  readonly owed: Map<string, Subject>;
  /** Is served at once: it has just come, or could not take what others were shown. */
  isUrgent: boolean;
  isWaiting: boolean;
  hasLeft: boolean;
  /** Ends the wait for its sink. */
  resume?: () => void;
};

/** Between two tries while the database is away. */
const RETRY_MS = 500;

/**
 * Those who follow states by the same document. One state is read after the other, each after whatever it owes to anybody
 * was noted, so that nobody is shown an older state after a newer one, and the last one always. A subscriber whose
 * transport is full skips states until it takes some again.
 */
export class StateGroup implements Group {
  readonly #options: GroupOptions;
  readonly #source: StatesToFollow;
  readonly #feed: StateFeed;
  readonly #stopListening: () => void;
  readonly #members = new Set<Member>();
  #hasChanged = false;
  #isRunning = false;
  #servedAt = Number.NEGATIVE_INFINITY;
  #wakeUp: (() => void) | undefined;
  /** One for all who come and go meanwhile: until when it lasts does not depend on them. */
  #pause: Promise<void> | undefined;

  constructor(source: StatesToFollow, feed: StateFeed, options: GroupOptions) {
    this.#options = options;
    this.#source = source;
    this.#feed = feed;
    this.#stopListening = feed.onChange(() => {
      this.#hasChanged = true;
      if (feed.failure) this.#wakeUp?.();
      this.#run();
    });
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  join({ sink, onEnd }: Pick<Subscriber, 'sink' | 'onEnd'>): { leave(): void } {
    const owed = new Map(this.#feed.first.map((subject) => [subject.id, subject]));
    const member: Member = { sink, onEnd, owed, isUrgent: true, isWaiting: false, hasLeft: false };
    this.#members.add(member);
    this.#wakeUp?.();
    this.#run();
    return { leave: () => this.#leave(member) };
  }

  close(): void {
    this.#stopListening();
    this.#feed.close();
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#serve()
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#isRunning = false;
        // Somebody may have come, or become ready, in the turn in which it stopped.
        if (this.#due() !== undefined) this.#run();
      });
  }

  async #serve(): Promise<void> {
    for (;;) {
      if (this.#feed.failure) return this.#fail(this.#feed.failure);
      const due = this.#due();
      if (due === undefined) return this.#finish();
      if (due > 0) await this.#waitFor(due);
      else await this.#serveOnce().catch((error) => this.#afterOutage(error));
    }
  }

  /** Without the database everybody waits, and nothing is forgotten. */
  async #afterOutage(error: unknown): Promise<void> {
    if (!isOutage(error)) throw error;
    await this.#options.pause(RETRY_MS);
  }

  /** In how many milliseconds somebody is to be served; undefined where nobody is before something changes. */
  #due(): number | undefined {
    let isOwed = this.#hasChanged;
    for (const { owed, isUrgent, isWaiting } of this.#members) {
      if (owed.size === 0 || isWaiting) continue;
      if (isUrgent) return 0;
      isOwed = true;
    }
    if (!isOwed || this.isEmpty) return undefined;
    return Math.max(0, this.#servedAt + this.#source.minGapMs - performance.now());
  }

  /** Until then, or until somebody joins who is served at once. */
  async #waitFor(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeUp = resolve;
    this.#pause ??= this.#options.pause(ms).finally(() => {
      this.#pause = undefined;
    });
    await Promise.race([this.#pause, promise]);
    this.#wakeUp = undefined;
  }

  async #serveOnce(): Promise<void> {
    const isDue = performance.now() - this.#servedAt >= this.#source.minGapMs;
    if (isDue && this.#hasChanged) await this.#note();
    if (isDue) this.#servedAt = performance.now();
    const served = [...this.#members].filter(({ isUrgent, isWaiting }) => !isWaiting && (isDue || isUrgent));
    const subjects = new Map(served.flatMap(({ owed }) => [...owed]));
    for (const subject of subjects.values()) await this.#show(subject, served);
    for (const member of served) if (member.owed.size === 0) member.isUrgent = false;
  }

  /** Everybody is owed what has changed. */
  async #note(): Promise<void> {
    this.#hasChanged = false;
    const changed = await this.#take();
    for (const subject of changed) {
      for (const { owed } of this.#members) {
        if (owed.has(subject.id)) this.#options.stats.skipped += 1;
        owed.set(subject.id, subject);
      }
    }
  }

  async #take(): Promise<readonly Subject[]> {
    try {
      return await this.#feed.take();
    } catch (error) {
      this.#hasChanged = true;
      throw error;
    }
  }

  async #show(subject: Subject, served: readonly Member[]): Promise<void> {
    const targets = served.filter(({ owed, hasLeft }) => !hasLeft && owed.has(subject.id));
    if (targets.length === 0) return;
    // Not owed any more before it is read: what changes while it is read is owed again.
    for (const { owed } of targets) owed.delete(subject.id);
    const { stats } = this.#options;
    const frame = await this.#read(subject, targets);
    for (const member of targets) {
      if (member.hasLeft) continue;
      if (member.sink.isReady) {
        stats.deliveries += 1;
        member.sink.next(frame);
      } else {
        owe(subject, member);
        void this.#waitForSink(member);
      }
    }
  }

  async #read(subject: Subject, targets: readonly Member[]): Promise<Frame> {
    try {
      const frame = new Frame(await this.#options.execute(subject));
      this.#options.stats.frames += 1;
      return frame;
    } catch (error) {
      for (const member of targets) owe(subject, member);
      throw error;
    }
  }

  async #waitForSink(member: Member): Promise<void> {
    if (member.isWaiting) return;
    const { stats } = this.#options;
    member.isWaiting = true;
    stats.pauses += 1;
    stats.paused += 1;
    await whenReady(member);
    stats.paused -= 1;
    member.isWaiting = false;
    member.isUrgent = true;
    this.#wakeUp?.();
    this.#run();
  }

  #finish(): void {
    if (!this.#feed.isOver || this.#hasChanged) return;
    for (const member of this.#members) if (member.owed.size === 0) this.#end(member);
  }

  #leave(member: Member): void {
    if (member.hasLeft) return;
    member.hasLeft = true;
    this.#members.delete(member);
    member.resume?.();
    this.#wakeUp?.();
    if (this.isEmpty) this.#options.onEmpty();
  }

  #end(member: Member, last?: ExecutionResult): void {
    this.#leave(member);
    member.onEnd();
    member.sink.end(last);
  }

  #fail(error: unknown): void {
    const last = this.#options.failed(error);
    for (const member of [...this.#members]) this.#end(member, last);
  }
}

/** What it owes already is as new. */
function owe(subject: Subject, { owed }: Member): void {
  if (!owed.has(subject.id)) owed.set(subject.id, subject);
}
