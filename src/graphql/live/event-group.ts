import type { ExecutionResult } from 'graphql';
import { PAGE } from '../../platform/feed/stream-pages.ts';
import type { LiveStats } from '../../platform/live/stats.ts';
import type { FeedPage } from '../../platform/live/stream.ts';
import { Frame } from './frame.ts';
import type { Group, GroupOptions, Subscriber } from './group.ts';
import { type Sink, whenReady } from './sink.ts';
import type { EventFeed, EventsToFollow, Numbered } from './source.ts';

type Page = FeedPage<Numbered>;

type Member = {
  readonly sink: Sink;
  readonly onEnd: () => void;
  /** The number of the last event that the sink was given. */
  cursor: number;
  state: 'live' | 'behind' | 'ahead' | 'left';
  /** Ends the wait for its sink. */
  resume?: () => void;
};

/** Frames of pages that somebody behind has asked for: after a restart many come back with the same cursor. */
const REMEMBERED_FRAMES = 16;

/**
 * Those who follow one stream by the same document. All who have everything up to the group's cursor are live: a page is read,
 * executed and serialised once and handed to each of them. Who is behind, since it came with an older cursor or its
 * transport was full, is served by its own cursor at the pace of its transport until it has caught up.
 */
export class EventGroup implements Group {
  readonly #options: GroupOptions;
  readonly #source: EventsToFollow;
  readonly #feed: EventFeed;
  readonly #stopListening: () => void;
  readonly #live = new Set<Member>();
  readonly #others = new Set<Member>();
  readonly #pagesBehind = new Map<string, Promise<Frame>>();
  /** The number of the last event that live members have. */
  #cursor: number;
  /** What comes after this event came while somebody was live; what is before it, they catch up with. */
  #liveFrom = 0;
  #isRunning = false;
  /** Whether there was more than went into the last page: it has gathered for long enough. */
  #hasRest = false;
  /** When the last frame went out, by `performance.now()`. */
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(source: EventsToFollow, feed: EventFeed, options: GroupOptions) {
    this.#options = options;
    this.#source = source;
    this.#feed = feed;
    this.#cursor = source.after;
    this.#stopListening = this.#feed.onChange(() => this.#run());
  }

  get isEmpty(): boolean {
    return this.#live.size + this.#others.size === 0;
  }

  join({ sink, after, onEnd }: Subscriber): { leave(): void } {
    const member: Member = { sink, onEnd, cursor: after, state: 'behind' };
    if (this.isEmpty) this.#cursor = after;
    this.#place(member);
    return { leave: () => this.#leave(member) };
  }

  close(): void {
    this.#stopListening();
    this.#feed.close();
  }

  get #stats(): LiveStats {
    return this.#options.stats;
  }

  /** Live, behind or ahead, by its cursor. */
  #place(member: Member): void {
    if (this.#live.size === 0 && member.cursor > this.#cursor) this.#cursor = member.cursor;
    this.#live.delete(member);
    this.#others.delete(member);
    if (member.cursor === this.#cursor) {
      member.state = 'live';
      if (this.#live.size === 0) this.#liveFrom = this.#feed.head;
      this.#live.add(member);
      this.#run();
    } else {
      this.#others.add(member);
      member.state = member.cursor < this.#cursor ? 'behind' : 'ahead';
      if (member.state === 'behind') void this.#catchUp(member);
    }
  }

  #leave(member: Member): void {
    if (member.state === 'left') return;
    member.state = 'left';
    this.#live.delete(member);
    this.#others.delete(member);
    member.resume?.();
    if (this.isEmpty) this.#options.onEmpty();
    else if (this.#live.size === 0) this.#promote();
  }

  /** Nobody is live: whoever waits for the group to come to it would wait for ever. */
  #promote(): void {
    const ahead = [...this.#others].filter(({ state }) => state === 'ahead');
    for (const member of ahead.sort((a, b) => a.cursor - b.cursor)) this.#place(member);
  }

  #run(): void {
    if (this.#isRunning || !this.#hasWork) return;
    this.#isRunning = true;
    void this.#deliver()
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#isRunning = false;
        this.#run();
      });
  }

  get #hasWork(): boolean {
    if (this.#feed.failure) return !this.isEmpty;
    return this.#live.size > 0 && (this.#feed.head > this.#cursor || this.#feed.isOver);
  }

  async #deliver(): Promise<void> {
    if (this.#feed.failure) return this.#fail(this.#feed.failure);
    const gap = this.#sentAt + this.#source.minGapMs - performance.now();
    const isDue = this.#hasRest || this.#feed.head - this.#cursor >= PAGE;
    if (gap > 0 && !isDue) await this.#options.pause(gap);
    if (this.#live.size === 0) return;
    const from = this.#cursor;
    const page = await this.#feed.after(from);
    this.#hasRest = this.#hasMore(page);
    const isWanted = this.#live.size > 0 && from === this.#cursor;
    if (!isWanted || (page.events.length === 0 && !page.ended)) return;
    const frame = await this.#make(page);
    if (from === this.#cursor) this.#send(page, frame);
  }

  #send(page: Page, frame: Frame): void {
    const from = this.#cursor;
    this.#sentAt = performance.now();
    const age = this.#cursor >= this.#liveFrom ? this.#source.ageOf(page) : undefined;
    this.#cursor = page.to;
    if (age !== undefined) this.#stats.recordLag(age);
    for (const member of this.#live) {
      // Whoever becomes live while others end has more than that.
      if (member.cursor !== from) continue;
      if (!member.sink.isReady) this.#fallBehind(member);
      else this.#give(member, page, frame);
    }
    for (const member of this.#others) {
      if (member.state === 'ahead' && member.cursor <= this.#cursor) this.#place(member);
    }
    if (this.#live.size === 0) this.#promote();
  }

  #give(member: Member, page: Page, frame: Frame): void {
    member.cursor = page.to;
    this.#stats.deliveries += 1;
    member.sink.next(frame);
    if (page.ended) this.#finish(member);
  }

  #fallBehind(member: Member): void {
    member.state = 'behind';
    this.#live.delete(member);
    this.#others.add(member);
    void this.#catchUp(member);
  }

  async #catchUp(member: Member): Promise<void> {
    try {
      while (member.state === 'behind') {
        if (!member.sink.isReady) await this.#pause(member);
        else await this.#giveNextPage(member);
        if (member.state === 'behind' && member.cursor >= this.#cursor) this.#place(member);
      }
      if (this.#others.size === 0) this.#pagesBehind.clear();
    } catch (error) {
      if (member.state !== 'left') this.#finish(member, this.#options.failed(error));
    }
  }

  async #giveNextPage(member: Member): Promise<void> {
    const page = this.#upToCursor(await this.#feed.after(member.cursor));
    if (this.#feed.failure) throw this.#feed.failure;
    if (member.state !== 'behind') return;
    if (page.events.length === 0 && !page.ended) return this.#turnBack(member);
    const frame = await this.#frameBehind(page);
    // Others may have filled the transport meanwhile; the frame is remembered.
    if (member.state === 'behind' && member.sink.isReady) this.#give(member, page, frame);
  }

  /** Who is behind has all there is: the group is where those who are live said that they were, beyond it. */
  #turnBack({ cursor }: Member): void {
    if (cursor >= this.#cursor) return;
    for (const member of this.#live) {
      member.state = 'ahead';
      this.#others.add(member);
    }
    this.#live.clear();
    this.#cursor = cursor;
  }

  /** Whoever catches up arrives exactly where the group is, not beyond. */
  #upToCursor(page: Page): Page {
    if (page.to <= this.#cursor) return page;
    const events = page.events.filter(({ seq }) => seq <= this.#cursor);
    return { events, to: events.at(-1)?.seq ?? page.to, ended: false };
  }

  async #pause(member: Member): Promise<void> {
    this.#stats.pauses += 1;
    this.#stats.paused += 1;
    await whenReady(member);
    this.#stats.paused -= 1;
  }

  #frameBehind(page: Page): Promise<Frame> {
    const key = `${page.events[0]?.seq} ${page.to} ${page.ended} ${this.#hasMore(page)}`;
    const known = this.#pagesBehind.get(key);
    if (known) return known;
    const made = this.#make(page);
    made.catch(() => this.#pagesBehind.delete(key));
    this.#pagesBehind.set(key, made);
    for (const oldest of this.#pagesBehind.keys()) {
      if (this.#pagesBehind.size <= REMEMBERED_FRAMES) break;
      this.#pagesBehind.delete(oldest);
    }
    return made;
  }

  async #make(page: Page): Promise<Frame> {
    const { events, to, ended } = page;
    this.#stats.frames += 1;
    const batch = { events, lastSeq: to, ended, hasMore: this.#hasMore(page) };
    return new Frame(await this.#options.execute(batch));
  }

  #hasMore({ to }: Page): boolean {
    return to < this.#feed.head;
  }

  #finish(member: Member, last?: ExecutionResult): void {
    this.#leave(member);
    member.onEnd();
    member.sink.end(last);
  }

  #fail(error: unknown): void {
    const last = this.#options.failed(error);
    for (const member of [...this.#live, ...this.#others]) this.#finish(member, last);
  }
}
