import type { OperationContext } from '../../graphql/context.ts';
import { LiveSource } from '../../graphql/live/source.ts';
import { NotificationsFeed } from './notifications-feed.ts';
import { type Numbered, newestNotification } from './sql.ts';

/** Notifications as they go out in one frame. */
export type NotificationPage = { events: Numbered[]; lastSeq: number };

/** A second notification that comes at once waits so long, and goes with the third. */
const GAP_MS = 50;

type Source = Pick<OperationContext, 'identity' | 'viewerDb' | 'live'>;

/**
 * Every notification of the caller's after a number, then live.
 *
 * @param after of the last one that the subscriber has; undefined: the newest that there is now
 */
export async function followNotifications(
  { identity, viewerDb, live }: Source,
  userId: string,
  after: number | undefined,
): Promise<LiveSource<NotificationPage>> {
  const head = await viewerDb.withViewer(identity.claims, ({ sql }) => newestNotification(sql, userId));
  return new LiveSource({
    kind: 'events',
    key: `notifications ${userId}`,
    minGapMs: GAP_MS,
    after: after ?? head,
    open: (viewer) => new NotificationsFeed({ viewerDb, viewer, userId, live, head }),
    // They are read under the subscriber's own claims each time.
    watch: () => () => undefined,
    ageOf: ({ events: [first] }) => first && live.ageOf(first.at),
  });
}
