import type { Subscription } from './subscription.ts';
import type { Viewer } from './world.ts';

/** A connection of a viewer's. */
export type Caller = {
  viewer: Viewer;
  /** Subscriptions that are going on. */
  going(): Subscription[];
  /** Resolves when the server has taken what was sent. */
  subscribe(subscription: Subscription): Promise<void>;
  complete(subscription: Subscription): Promise<void>;
  /** Breaks the connection; the next subscription opens another one. */
  drop(): void;
};
