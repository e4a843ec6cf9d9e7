import { createClient } from 'redis';
import type { Logger } from '../logger.ts';
import { type Connection, KeptConnection } from './kept-connection.ts';

/** One channel for all executions: a process follows so many that a channel each would only be more to subscribe to. */
export const REDIS_CHANNEL = 'runcast:feed';

/** Less than a KeptConnection waits for it to be open: until the socket is connected nothing else ends it. */
const CONNECT_MS = 2_500;
/** Commands without an answer; whatever comes on top is dropped. */
const MAX_PENDING = 1_000;

export type RedisClient = ReturnType<typeof newClient>;

export type RedisConnectionOptions = {
  /** `redis[s]://[[user][:password]@]host[:port][/database]`. */
  url: string;
  /** What it is for, for the log. */
  name: string;
  log: Logger;
  /** Runs on every new connection before it counts as open. */
  prepare?(client: RedisClient): Promise<void>;
  /** Runs after every (re)connection. */
  onConnect?(): void;
};

export interface RedisConnection {
  readonly kept: KeptConnection;
  /** The client of the current connection; undefined while there is none. */
  readonly client: RedisClient | undefined;
}

/** One connection to Redis that comes back whatever happens to it, until it is closed. */
export function connectRedis(options: RedisConnectionOptions): RedisConnection {
  const { url, name, log, prepare = async () => {}, onConnect = () => {} } = options;
  let client: RedisClient | undefined;
  const kept = new KeptConnection({
    name,
    log,
    onConnect,
    open: (onLost) => {
      client = newClient(url);
      return opening(client, prepare, onLost);
    },
  });
  return {
    kept,
    get client() {
      return kept.isConnected ? client : undefined;
    },
  };
}

function opening(
  client: RedisClient,
  prepare: (client: RedisClient) => Promise<void>,
  onLost: (error: Error) => void,
): Connection {
  let isOver = false;
  const destroy = () => {
    isOver = true;
    client.destroy();
  };
  client.on('error', onLost);
  return {
    // A client that is destroyed while its socket connects goes on connecting.
    opened: client.connect().then(() => (isOver ? client.destroy() : prepare(client))),
    probe: () => client.ping(),
    close: destroy,
    destroy,
  };
}

function newClient(url: string) {
  return createClient({
    url,
    name: 'runcast',
    // What comes back, when, and how long an answer may take is KeptConnection's to decide, as with Postgres.
    socket: { reconnectStrategy: false, connectTimeout: CONNECT_MS },
    commandOptions: { timeout: 0 },
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_PENDING,
    // What a user of its own would need rights for and nobody reads.
    disableClientInfo: true,
    maintNotifications: 'disabled',
  });
}
