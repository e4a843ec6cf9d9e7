import { setTimeout as wait } from 'node:timers/promises';
import type { Claims } from '../db/claims.ts';
import type { ViewerDatabase } from '../db/viewer.ts';
import { messageOf } from '../errors.ts';
import type { ExecutionRef } from '../feed/events.ts';
import { visibleStreams } from '../feed/feed.ts';
import type { Logger } from '../logger.ts';

/** Whom a watch is for. Claims are read anew at each look: they may have been renewed. */
export type Viewer = { readonly claims: Claims };

export interface AccessWatch {
  /**
   * Looks again whether a viewer may see an execution whenever that may have changed.
   *
   * @param onRevoked called once, where the viewer may not any more
   * @returns ends the watch
   */
  watch(viewer: Viewer, ref: ExecutionRef, onRevoked: () => void): () => void;
  /** Counts what may have changed access since the process started: whoever decided before it grew decides again. */
  readonly changes: number;
  /** Memberships of a user have changed. */
  userChanged(userId: string): void;
  /** Anybody's may have changed: the connection that tells was lost for a while. */
  anybodyChanged(): void;
  close(): void;
}

type Watched = { viewer: Viewer; ref: ExecutionRef; onRevoked: () => void; isOver: boolean };

/** Looks at the same time; each takes a client of the pool that queries need too. */
const CONCURRENCY = 2;
/** As many executions as are looked at in one statement. */
const STATEMENT = 500;
/** Everybody is looked at again this often in any case, should a notification have been lost. */
const SWEEP_MS = 60_000;
const RETRY_MS = 250;

/**
 * Who may see a stream is decided by row-level security when it is subscribed to, and by the same policies again, under the
 * viewer's own claims, when the database says that memberships of that user have changed.
 */
export function createAccessWatch(options: { viewerDb: ViewerDatabase; log: Logger }): AccessWatch {
  const { viewerDb, log } = options;
  const stop = new AbortController();
  const byUser = new Map<string, Set<Watched>>();
  const due = new Set<string>();
  let running = 0;
  let changes = 0;

  function lookAgain(userId: string): void {
    if (!byUser.has(userId)) return;
    due.add(userId);
    pump();
  }

  function pump(): void {
    for (const userId of due) {
      if (running >= CONCURRENCY) return;
      due.delete(userId);
      running += 1;
      void look(userId).finally(() => {
        running -= 1;
        pump();
      });
    }
  }

  async function look(userId: string): Promise<void> {
    try {
      for (const watches of portions([...(byUser.get(userId) ?? [])])) await revokeUnseen(watches);
    } catch (error) {
      if (stop.signal.aborted) return;
      log.warn({ reason: messageOf(error) }, 'access could not be looked at; trying again');
      await wait(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      if (!stop.signal.aborted) due.add(userId);
    }
  }

  async function revokeUnseen(watches: readonly Watched[]): Promise<void> {
    for (const [seenAs, group] of Map.groupBy(watches, lastingClaims)) {
      const refs = group.map(({ ref }) => ref);
      const claims: Claims = JSON.parse(seenAs);
      const seen = await viewerDb.withViewer(claims, ({ sql }) => visibleStreams(sql, refs), stop);
      for (const { ref, onRevoked, isOver } of group) {
        // What it is for may have ended while it was looked at.
        if (!isOver && !seen.has(`${ref.kind}:${ref.id}`)) onRevoked();
      }
    }
  }

  function anybodyChanged(): void {
    changes += 1;
    for (const userId of byUser.keys()) due.add(userId);
    pump();
  }

  const sweep = setInterval(anybodyChanged, SWEEP_MS);
  sweep.unref();

  return {
    watch(viewer, ref, onRevoked) {
      const userId = viewer.claims.sub ?? '';
      const watched = { viewer, ref, onRevoked, isOver: false };
      const all = byUser.get(userId) ?? new Set();
      byUser.set(userId, all.add(watched));
      return () => {
        watched.isOver = true;
        all.delete(watched);
        if (all.size === 0 && byUser.get(userId) === all) byUser.delete(userId);
      };
    },
    get changes() {
      return changes;
    },
    userChanged(userId) {
      changes += 1;
      lookAgain(userId);
    },
    anybodyChanged,
    close() {
      clearInterval(sweep);
      stop.abort();
    },
  };
}

/** Without the time at which they expire: a user's sockets differ in nothing else, and are looked at together. */
function lastingClaims({ viewer }: Watched): string {
  const { role, sub, email } = viewer.claims;
  return JSON.stringify({ role, sub, email } satisfies Record<keyof Omit<Claims, 'exp'>, unknown>);
}

function portions(watches: readonly Watched[]): Watched[][] {
  const all: Watched[][] = [];
  for (let at = 0; at < watches.length; at += STATEMENT) all.push(watches.slice(at, at + STATEMENT));
  return all;
}
