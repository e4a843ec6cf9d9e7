import type { Logger } from '../logger.ts';
import { connectRedis, REDIS_CHANNEL } from './redis-connection.ts';

export interface HintPublisher {
  /**
   * Sends a hint, once what it tells of is committed. Returns at once and never throws: hints of one turn of the event
   * loop go out in one write, and while Redis is away or a thousand are unanswered they are dropped, which leaves
   * readers to their slow poll.
   */
  publish(hint: string): void;
  /** Resolves once it is connected for the first time; never rejects. */
  readonly started: Promise<void>;
  /** Hints that were not sent, or not known to have been. */
  readonly dropped: number;
  close(): Promise<void>;
}

/** Starts connecting at once. */
export function createHintPublisher({ url, log }: { url: string; log: Logger }): HintPublisher {
  const redis = connectRedis({ url, name: 'publisher in Redis', log });
  let dropped = 0;
  const drop = () => {
    dropped += 1;
  };
  return {
    publish(hint) {
      const { client } = redis;
      // Why it cannot be sent the connection says itself, once an outage.
      if (client) client.publish(REDIS_CHANNEL, hint).catch(drop);
      else drop();
    },
    started: redis.kept.started,
    get dropped() {
      return dropped;
    },
    close: async () => redis.kept.close(),
  };
}
