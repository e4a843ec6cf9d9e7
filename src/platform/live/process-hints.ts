import type { Logger } from '../logger.ts';
import type { HintHandlers, HintSource } from './hint-source.ts';
import { createPostgresHints } from './postgres-hints.ts';
import { createRedisHints } from './redis-hints.ts';

export type ProcessHints = HintSource & {
  /** Undefined where no Redis is configured. */
  readonly isRedisConnected?: boolean;
};

/**
 * All hints that reach a process: Postgres's, and where a Redis is configured those of Runcast's own writers. Without
 * Redis for a while hints are late and nothing else, so whether it is there is no condition of being connected.
 */
export function createProcessHints(
  options: { url: string; redisUrl?: string | undefined; log: Logger } & HintHandlers,
): ProcessHints {
  const { redisUrl, ...others } = options;
  const postgres = createPostgresHints(others);
  if (redisUrl === undefined) return postgres;
  const redis = createRedisHints({ ...others, url: redisUrl });
  return {
    get isConnected() {
      return postgres.isConnected;
    },
    get isRedisConnected() {
      return redis.isConnected;
    },
    started: postgres.started,
    get clockOffsetMs() {
      return postgres.clockOffsetMs;
    },
    get reconnections() {
      return postgres.reconnections + redis.reconnections;
    },
    close: async () => void (await Promise.all([postgres.close(), redis.close()])),
  };
}
