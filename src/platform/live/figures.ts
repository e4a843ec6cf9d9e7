import type { LiveStats } from './stats.ts';

/** The state of the hub's connections that wake-ups come by. */
export type LiveStatus = {
  isListening: boolean;
  /** Whether Redis is connected; absent where none is configured. */
  isRedisConnected?: boolean;
  /** Executions that are kept in memory, watched or watched until a moment ago. */
  streams: number;
  /** How often connections were made again. */
  reconnections: number;
};

/** What an operator is shown of the live part of this process. */
export type LiveFigures = LiveStatus & {
  stats: LiveStats;
  webSockets: number;
  /** Subscriptions over server-sent events. */
  eventStreams: number;
  /** As many WebSockets and event streams as there may be. */
  maxSockets: number;
  /** Users who have any of them. */
  users: number;
  /** What waits in this process for clients that do not read as fast as they are sent to. */
  bufferedBytes: number;
};
