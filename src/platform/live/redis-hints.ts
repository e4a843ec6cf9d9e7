import type { Logger } from '../logger.ts';
import { type HintHandlers, type HintSource, parseFeedHint } from './hint-source.ts';
import { connectRedis, REDIS_CHANNEL } from './redis-connection.ts';

/** Hints that Runcast's own processes send over Redis (`createHintPublisher`). Starts listening at once. */
export function createRedisHints({
  url,
  log,
  onFeed,
  onGap,
}: { url: string; log: Logger } & Pick<HintHandlers, 'onFeed' | 'onGap'>): HintSource {
  const { kept } = connectRedis({
    url,
    name: 'listener in Redis',
    log,
    onConnect: onGap,
    prepare: (client) =>
      client.subscribe(REDIS_CHANNEL, (text) => {
        const hint = parseFeedHint(text);
        if (hint) onFeed(hint);
        else log.warn({ channel: REDIS_CHANNEL, bytes: text.length }, 'a message that is not ours');
      }),
  });
  return {
    get isConnected() {
      return kept.isConnected;
    },
    started: kept.started,
    clockOffsetMs: 0,
    get reconnections() {
      return kept.reconnections;
    },
    close: async () => kept.close(),
  };
}
