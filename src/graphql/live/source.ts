import type { Viewer } from '../../platform/live/access-watch.ts';
import type { FeedPage } from '../../platform/live/stream.ts';

/** Calls back when there may be something new. */
type OnChange = { onChange(listener: () => void): () => void };

/** Whatever is followed by its number; `at` is when it was recorded. */
export type Numbered = { seq: number; at: Date };

/** Events of one stream, for all who follow it. */
export interface EventFeed<Event extends Numbered = Numbered> extends OnChange {
  /** The number of the newest event known. */
  readonly head: number;
  /** Whether everything up to the head is everything there will be. */
  readonly isOver: boolean;
  /** Set when it is over for everybody before its end, e.g. because the execution was deleted. */
  readonly failure: Error | undefined;
  after(cursor: number): FeedPage<Event> | Promise<FeedPage<Event>>;
  close(): void;
}

/** Things whose newest state is followed. */
export interface StateFeed extends OnChange {
  /** What is delivered to whoever joins, at once. */
  readonly first: readonly Subject[];
  /** What has changed since the last call. */
  take(): Promise<readonly Subject[]> | readonly Subject[];
  /** Whether nothing will change any more. */
  readonly isOver: boolean;
  readonly failure: Error | undefined;
  close(): void;
}

/** Something that has a state: the root value of the execution that reads it. */
export type Subject = { readonly id: string };

type Common = {
  /** What is followed, with every argument that shapes what is delivered; the cursor is not among them. */
  readonly key: string;
  /** Least time between two deliveries, in milliseconds. */
  readonly minGapMs: number;
  /**
   * Watches whether the viewer may still see it.
   *
   * @param onRevoked called with what the viewer is told
   * @returns ends the watch
   */
  watch(viewer: Viewer, onRevoked: (reason: Error) => void): () => void;
};

/**
 * What the `subscribe` function of a subscription's field resolves to, once it has decided that the caller may follow it.
 * Operations that ask the same of it share one execution of each event, of what the field's `resolve` is given as `Item`.
 */
export class LiveSource<Item = unknown> {
  readonly follows: EventsToFollow | StatesToFollow;

  constructor(follows: EventsToFollow | StatesToFollow) {
    this.follows = follows;
  }

  /** graphql-js wants something iterable of a source; this one is followed by groups instead. */
  [Symbol.asyncIterator](): AsyncIterator<Item> {
    throw new Error('A live source is followed through LiveOperations.');
  }
}

/** Every event, in order, from a cursor on. */
export type EventsToFollow = Common & {
  readonly kind: 'events';
  /** The number of the last event that the subscriber has. */
  readonly after: number;
  /** Opened once for all who share it, on behalf of any of them. */
  open(viewer: Viewer): EventFeed;
  /** Milliseconds since the first event of a page was recorded, for the hub's figures. */
  ageOf(page: FeedPage<Numbered>): number | undefined;
};

/** The newest state, without those that came and went between two deliveries. */
export type StatesToFollow = Common & { readonly kind: 'states'; open(viewer: Viewer): StateFeed };
