import type { Logger } from '../logger.ts';
import { Waiter, type Wakeups } from './hints.ts';
import { createProcessHints } from './process-hints.ts';

/** Wakes subscribers of this process when an execution's feed has grown. */
export interface Live {
  /** Wake-ups for one execution's feed. Take them before the first read, or what comes in between is late. */
  streamHints(kind: string, id: string): Wakeups;
  /** Wake-ups for all executions of a user. */
  userHints(userId: string): Wakeups;
  /** For the readiness check. Without a connection everything still arrives, as late as the slow poll. */
  status(): { isListening: boolean; reconnections: number };
  /** Resolves once it listens for the first time; never rejects. */
  readonly started: Promise<void>;
  close(): Promise<void>;
}

/** A hint can be lost (it is sent once, to who listens then), so every subscriber looks this often in any case. */
const SLOW_POLL_MS = 2_000;
/** A user's runs are many rows, not one: looked through less often. */
const SLOW_USER_POLL_MS = 10_000;

export type LiveOptions = {
  url: string;
  /** Where Runcast's own writers send their hints; default: they let Postgres send them. */
  redisUrl?: string | undefined;
  log: Logger;
};

/** Starts listening at once and keeps doing so, through the loss of its connection too, until it is closed. */
export function createLive(options: LiveOptions): Live {
  const streams = new Map<string, Set<Waiter>>();
  const users = new Map<string, Set<Waiter>>();
  const hints = createProcessHints({
    ...options,
    onFeed({ kind, id, userId }) {
      if (id === undefined) return wakeAll(streams);
      for (const waiter of streams.get(streamKey(kind, id)) ?? []) waiter.notify(id);
      for (const waiter of users.get(userId ?? '') ?? []) waiter.notify(id);
    },
    // Each read decides anew what its viewer may see.
    onAccess() {},
    onGap() {
      wakeAll(streams);
      wakeAll(users);
    },
  });
  const polls = [
    setInterval(() => wakeAll(streams), SLOW_POLL_MS),
    setInterval(() => wakeAll(users), SLOW_USER_POLL_MS),
  ];

  return {
    streamHints: (kind, id) => join(streams, streamKey(kind, id)),
    userHints: (userId) => join(users, userId),
    status: () => ({ isListening: hints.isConnected, reconnections: hints.reconnections }),
    started: hints.started,
    async close() {
      for (const poll of polls) clearInterval(poll);
      await hints.close();
    },
  };
}

function join(waiters: Map<string, Set<Waiter>>, key: string): Wakeups {
  const waiter = new Waiter((gone) => {
    const set = waiters.get(key);
    set?.delete(gone);
    if (set?.size === 0) waiters.delete(key);
  });
  const set = waiters.get(key) ?? new Set();
  waiters.set(key, set.add(waiter));
  return waiter;
}

function wakeAll(waiters: Map<string, Set<Waiter>>): void {
  for (const set of waiters.values()) for (const waiter of set) waiter.notify();
}

function streamKey(kind: string, id: string): string {
  return `${kind}:${id}`;
}
