import type { ExecutionEvent, ExecutionRef } from '../feed/events.ts';
import { PAGE, PAGE_BYTES, type StreamPage } from '../feed/stream-pages.ts';
import { firstOf, Ring, type RingLimits } from './ring.ts';
import type { LiveStats } from './stats.ts';
import type { ReadStream } from './stream-reader.ts';

/** What a feed has after a cursor, in order; of an execution without gaps. */
export type FeedPage<Event extends { seq: number } = ExecutionEvent> = {
  events: Event[];
  /** The number of the last of them; the cursor itself where there is none. */
  to: number;
  /** Whether the execution has ended and nothing comes after this. */
  ended: boolean;
};

/** What is larger goes in several. */
const ONE_PAGE = { events: PAGE, bytes: PAGE_BYTES };

type Options = { ref: ExecutionRef; read: ReadStream; limits: RingLimits; stats: LiveStats };

/**
 * One execution's feed as this process knows it: read once for all who follow it, the newest events kept in a ring. Wake-ups
 * only say that there may be more to read; the rows' own numbers decide what comes next.
 */
export class LiveStream {
  readonly ref: ExecutionRef;
  readonly #read: ReadStream;
  readonly #ring: Ring;
  readonly #ringEvents: number;
  readonly #stats: LiveStats;
  readonly #listeners = new Set<() => void>();
  readonly #readsBack = new Map<number, Promise<FeedPage>>();
  /** Up to where the feed is known; undefined before the first look. */
  #head: number | undefined;
  /** How far it reaches according to what was heard. */
  #hinted = 0;
  #state: 'open' | 'closed' | 'gone' = 'open';
  /** How long the payloads were that were read last; 0 before the first. */
  #meanBytes = 0;
  #isReading = false;
  #mustLook = false;
  /** When it was looked at last, or was to be, by `performance.now()`. */
  lookedAt = 0;

  constructor({ ref, read, limits, stats }: Options) {
    this.ref = ref;
    this.#read = read;
    this.#ring = new Ring(limits);
    this.#ringEvents = limits.events;
    this.#stats = stats;
  }

  /** The number of the newest event known here. */
  get head(): number {
    return this.#head ?? 0;
  }

  /** `closed`: it ended, and everything up to the head is everything. `gone`: the execution was deleted. */
  get state(): 'open' | 'closed' | 'gone' {
    return this.#state;
  }

  /** Events or the end may have come when a listener is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Goes on from where the feed is now: what grew while nobody watched is not worth reading. */
  resume(lastSeq: number): void {
    if (this.#head === undefined || lastSeq - this.#head > this.#ringEvents) {
      this.#ring.clear();
      this.#head = lastSeq;
    }
    this.look();
  }

  /** The feed has grown up to `seq`; undefined where only that it may have changed is known. */
  hint(seq: number | undefined): void {
    if (seq === undefined) this.#mustLook = true;
    else this.#hinted = Math.max(this.#hinted, seq);
    if (this.#mustLook || this.#hinted > this.head) this.#wake();
  }

  /** Reads on in any case: a hint may have been lost. */
  look(): void {
    this.lookedAt = performance.now();
    this.#mustLook = true;
    this.#wake();
  }

  /** What comes after a cursor: from the ring where it reaches that far back, else from the database. */
  after(cursor: number): FeedPage | Promise<FeedPage> {
    const events = cursor >= this.head ? [] : this.#ring.after(cursor, ONE_PAGE);
    if (!events) return this.#readBack(cursor);
    if (events.length > 0) this.#stats.ringHits += 1;
    return this.#page(cursor, events, this.#state === 'closed' ? this.head : undefined);
  }

  /** Many who were cut off at once come back with the same cursor, and turn the same pages. */
  #readBack(cursor: number): Promise<FeedPage> {
    const underWay = this.#readsBack.get(cursor);
    if (underWay) return underWay;
    const read = this.#readPageBack(cursor).finally(() => this.#readsBack.delete(cursor));
    this.#readsBack.set(cursor, read);
    return read;
  }

  async #readPageBack(cursor: number): Promise<FeedPage> {
    this.#stats.databaseReads += 1;
    const page = await this.#readAfter(cursor, this.head - cursor);
    if (!page) {
      this.#become('gone');
      return { events: [], to: cursor, ended: false };
    }
    const events = firstOf(page.events, ONE_PAGE);
    return this.#page(cursor, events, page.state === 'closed' ? page.lastSeq : undefined);
  }

  /** Five hundred events of the longest kind would be 30 MB, so no more are read than fit if they go on like the last. */
  async #readAfter(cursor: number, expected: number): Promise<StreamPage | undefined> {
    const most = Math.min(PAGE, Math.ceil(ONE_PAGE.bytes / Math.max(1, this.#meanBytes)));
    const page = await this.#read(this.ref, cursor, { expected, most });
    if (!page || page.events.length === 0) return page;
    this.#meanBytes = page.events.reduce((sum, { bytes }) => sum + bytes, 0) / page.events.length;
    return page;
  }

  /** @param lastSeq of a feed that has ended */
  #page(cursor: number, events: ExecutionEvent[], lastSeq: number | undefined): FeedPage {
    const to = events.at(-1)?.seq ?? cursor;
    return { events, to, ended: lastSeq !== undefined && to >= lastSeq };
  }

  get #isBehind(): boolean {
    return this.#state === 'open' && (this.#mustLook || this.#hinted > this.head);
  }

  #wake(): void {
    if (!this.#isReading && this.#head !== undefined) void this.#readOn();
  }

  async #readOn(): Promise<void> {
    this.#isReading = true;
    while (this.#isBehind && (await this.#readPage()));
    // In the same turn: what was heard in between would wake nobody.
    this.#isReading = false;
  }

  /** @returns false once the hub is closed, when nobody listens any more */
  async #readPage(): Promise<boolean> {
    this.#mustLook = false;
    const hinted = this.#hinted;
    this.lookedAt = performance.now();
    const page = await this.#readAfter(this.head, Math.max(1, hinted - this.head)).catch(() => null);
    if (page === null) return false;
    if (page === undefined) this.#become('gone');
    else this.#take(page, hinted);
    return true;
  }

  #take(page: StreamPage, hinted: number): void {
    this.#ring.push(page.events);
    this.#head = page.events.at(-1)?.event.seq ?? this.head;
    if (page.lastSeq > this.head) this.#mustLook = true;
    // Wake-ups are not to be trusted: one that names a number that is not there is not looked for again.
    else if (this.#hinted === hinted) this.#hinted = 0;
    if (page.state === 'closed' && this.head >= page.lastSeq) this.#become('closed');
    else if (page.events.length > 0) this.#tell();
  }

  #become(state: 'closed' | 'gone'): void {
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
