import type { LiveLimits } from '../config.ts';
import { createServiceDatabase } from '../db/service.ts';
import type { ViewerDatabase } from '../db/viewer.ts';
import type { ExecutionRef } from '../feed/events.ts';
import type { Logger } from '../logger.ts';
import { type AccessWatch, createAccessWatch } from './access-watch.ts';
import type { LiveStatus } from './figures.ts';
import type { FeedHint } from './hint-source.ts';
import { createProcessHints } from './process-hints.ts';
import { LiveStats } from './stats.ts';
import { createStreamReader } from './stream-reader.ts';
import { type HeldStream, Streams } from './streams.ts';
import { type UserHints, UserListeners } from './user-hints.ts';

/** The hub: follows executions' feeds on behalf of all subscribers of this process. */
export interface Live extends UserHints {
  /** Follows an execution's feed until it is released. Decide first whether the caller may see it. */
  hold(ref: ExecutionRef, lastSeq: number): HeldStream;
  readonly access: AccessWatch;
  readonly stats: LiveStats;
  /** Milliseconds since an event was recorded, by the database's clock. */
  ageOf(at: Date): number;
  /** For the readiness check. Without a connection everything still arrives, as late as the slow poll. */
  status(): LiveStatus;
  /** Resolves once it listens for the first time; never rejects. */
  readonly started: Promise<void>;
  close(): Promise<void>;
}

export type LiveOptions = {
  /** Connection string of a login role that may become service_role, under which the hub reads. */
  url: string;
  /** Where Runcast's own writers send their hints; default: they let Postgres send them. */
  redisUrl?: string | undefined;
  /** For the looks under a viewer's own claims. */
  viewerDb: ViewerDatabase;
  log: Logger;
  limits: Pick<LiveLimits, 'ringEvents' | 'ringBytes' | 'graceMs'>;
};

/** A user's executions are many rows, not one: looked through less often. */
const SLOW_USER_POLL_MS = 10_000;
/** Each look is a statement or two of the pool that queries need: all of them at once would hold these up. */
const USER_POLL_PARTS = 100;
/** Connections of the hub's own, so that it never waits for queries, nor they for it. */
const CONNECTIONS = 2;

/** Starts listening at once and keeps doing so, through the loss of its connections too, until it is closed. */
export function createLive({ url, redisUrl, viewerDb, log, limits }: LiveOptions): Live {
  const stats = new LiveStats();
  const database = createServiceDatabase({ url, poolSize: CONNECTIONS, findsByIndex: true, log });
  const reader = createStreamReader({ sql: database.sql, concurrency: CONNECTIONS, log });
  const streams = new Streams({
    read: reader.read,
    limits: { events: limits.ringEvents, bytes: limits.ringBytes },
    graceMs: limits.graceMs,
    stats,
  });
  const users = new UserListeners();
  const access = createAccessWatch({ viewerDb, log });
  const lookAtEverything = () => {
    streams.lookAtAll();
    users.notifyAll();
  };
  const hints = createProcessHints({
    url,
    redisUrl,
    log,
    onFeed({ kind, id, seq, userId }: FeedHint) {
      if (id === undefined) return lookAtEverything();
      streams.hint(kind, id, seq);
      if (userId !== undefined) users.notify(userId, { kind, id, seq });
    },
    onAccess: (userId) => access.userChanged(userId),
    onGap() {
      database.suspect();
      viewerDb.suspect();
      lookAtEverything();
      access.anybodyChanged();
    },
  });
  const userPoll = setInterval(() => users.notifyPart(USER_POLL_PARTS), SLOW_USER_POLL_MS / USER_POLL_PARTS);
  userPoll.unref();

  return {
    hold: (ref, lastSeq) => streams.hold(ref, lastSeq),
    onUser: (userId, onHint) => users.onUser(userId, onHint),
    access,
    stats,
    ageOf: (at) => Date.now() + hints.clockOffsetMs - at.getTime(),
    status: () => ({
      isListening: hints.isConnected,
      ...(hints.isRedisConnected !== undefined && { isRedisConnected: hints.isRedisConnected }),
      streams: streams.count,
      reconnections: hints.reconnections,
    }),
    started: hints.started,
    async close() {
      clearInterval(userPoll);
      streams.close();
      access.close();
      reader.close();
      await hints.close();
      await database.close();
    },
  };
}
