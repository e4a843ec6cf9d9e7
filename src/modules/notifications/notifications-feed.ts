import { setTimeout as wait } from 'node:timers/promises';
import type { OperationContext } from '../../graphql/context.ts';
import type { EventFeed } from '../../graphql/live/source.ts';
import { isOutage } from '../../platform/db/driver-errors.ts';
import type { Sql } from '../../platform/db/sql.ts';
import type { Viewer } from '../../platform/live/access-watch.ts';
import type { FeedPage } from '../../platform/live/stream.ts';
import type { UserHints } from '../../platform/live/user-hints.ts';
import { type Numbered, newestNotification, notificationsAfter } from './sql.ts';

/** As many as go out in one frame; each is read again with what the subscriber selects. */
const PAGE = 100;
/** Between two tries while the database is away. */
const RETRY_MS = 500;

type Options = Pick<OperationContext, 'viewerDb'> & {
  viewer: Viewer;
  userId: string;
  live: UserHints;
  /** The number of the newest that was there when somebody asked to follow them. */
  head: number;
};

/**
 * A user's notifications, read under the user's own claims: the policies decide each time what is among them. Hints wake,
 * rows tell how far there is something to read.
 */
export class NotificationsFeed implements EventFeed<Numbered> {
  readonly isOver = false;
  readonly failure = undefined;
  readonly #options: Options;
  readonly #closing = new AbortController();
  #head: number;
  #listener: (() => void) | undefined;
  #isLooking = false;
  #mustLook = false;

  constructor(options: Options) {
    this.#options = options;
    this.#head = options.head;
  }

  get head(): number {
    return this.#head;
  }

  async after(cursor: number): Promise<FeedPage<Numbered>> {
    const { userId } = this.#options;
    const head = this.#head;
    const events = await this.#read((sql) => notificationsAfter(sql, userId, cursor, PAGE));
    const to = events.at(-1)?.seq ?? cursor;
    // What is not seen any more, or was deleted, would be asked for again and again.
    if (events.length === 0 && this.#head === head) this.#head = Math.min(head, cursor);
    return { events, to, ended: false };
  }

  onChange(listener: () => void): () => void {
    const { live, userId } = this.#options;
    this.#listener = listener;
    const stop = live.onUser(userId, (changed) => {
      if (!changed || changed.kind === 'notification') this.#look();
    });
    // Between the look that the subscription began with and this one nobody was listening.
    queueMicrotask(() => this.#look());
    return stop;
  }

  close(): void {
    this.#closing.abort();
  }

  #look(): void {
    this.#mustLook = true;
    if (!this.#isLooking) void this.#lookOn();
  }

  async #lookOn(): Promise<void> {
    this.#isLooking = true;
    const { userId } = this.#options;
    while (this.#mustLook && !this.#closing.signal.aborted) {
      this.#mustLook = false;
      // Rejects for what asking again does not mend, such as a database that is closed: the next look may fare better.
      const newest = await this.#read((sql) => newestNotification(sql, userId)).catch(() => this.#head);
      if (newest <= this.#head) continue;
      this.#head = newest;
      this.#listener?.();
    }
    this.#isLooking = false;
  }

  /** Whoever follows waits while the database is away, and misses nothing. */
  async #read<T>(read: (sql: Sql) => Promise<T>): Promise<T> {
    const { viewerDb, viewer } = this.#options;
    for (;;) {
      try {
        return await viewerDb.withViewer(viewer.claims, ({ sql }) => read(sql));
      } catch (error) {
        if (!isOutage(error) || this.#closing.signal.aborted) throw error;
      }
      await wait(RETRY_MS, undefined, { signal: this.#closing.signal, ref: false });
    }
  }
}
