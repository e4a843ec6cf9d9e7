import type { Logger } from '../logger.ts';
import { type HintHandlers, type HintSource, parseFeedHint } from './hint-source.ts';
import { createListener } from './listener.ts';

export function createPostgresHints(options: { url: string; log: Logger } & HintHandlers): HintSource {
  const { url, log } = options;
  const { promise: started, resolve } = Promise.withResolvers<void>();
  const listener = createListener({
    url,
    log,
    channels: ['runcast_feed', 'runcast_access'],
    onNotification(channel, payload) {
      if (channel === 'runcast_access') return options.onAccess(String(JSON.parse(payload).u));
      const hint = parseFeedHint(payload);
      if (hint === undefined) return log.warn({ payload }, 'a notification that is not ours');
      options.onFeed(hint);
    },
    onConnect() {
      resolve();
      options.onGap();
    },
  });
  return {
    get isConnected() {
      return listener.isConnected;
    },
    started,
    clockOffsetMs: 0,
    reconnections: 0,
    close: () => listener.close(),
  };
}
