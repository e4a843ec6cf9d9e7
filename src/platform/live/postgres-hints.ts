import type { Logger } from '../logger.ts';
import { type HintHandlers, type HintSource, parseAccessHint, parseFeedHint } from './hint-source.ts';
import { createListener } from './listener.ts';

const FEED_CHANNEL = 'runcast_feed';
const ACCESS_CHANNEL = 'runcast_access';

/** Hints that the database sends by NOTIFY, over one connection. Starts listening at once. */
export function createPostgresHints({
  url,
  log,
  onFeed,
  onAccess,
  onGap,
}: { url: string; log: Logger } & HintHandlers): HintSource {
  return createListener({
    url,
    log,
    channels: [FEED_CHANNEL, ACCESS_CHANNEL],
    onConnect: onGap,
    onNotification(channel, payload) {
      if (channel === FEED_CHANNEL) {
        const hint = parseFeedHint(payload);
        if (hint) return onFeed(hint);
      } else {
        const access = parseAccessHint(payload);
        if (access) return access.userId === undefined ? onGap() : onAccess(access.userId);
      }
      log.warn({ channel, bytes: payload.length }, 'a notification that is not ours');
    },
  });
}
