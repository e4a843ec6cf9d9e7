import { openProtocolSocket, type ProtocolSocket, type ServerMessage } from './protocol-socket.ts';
import type { ReceivedEvent } from './received.ts';

/** One subscription to one run's events. */
export type WatchedRun = { operationId: string; run: string; after: number };

export type Batch = { events: ReceivedEvent[]; lastSeq: number; ended: boolean };

/**
 * How a client that lost its connection says where it was: with a new `after` in each subscription, or once for all of
 * them in connection_init, and then each subscription is sent as it was the first time.
 */
export type ResumeBy = 'after' | 'cursors';

export type WatchingOptions = {
  url: string;
  token: string;
  runs: readonly WatchedRun[];
  resumeBy: ResumeBy;
  onBatch(watched: WatchedRun, batch: Batch): void;
  /**
   * Of each connection that was lost, or (`wasLive` is false) that never came so far that it could subscribe; with its
   * close code where the client tells it.
   */
  onClose?(close: { code?: number; wasLive: boolean }): void;
  /** The server ended a subscription that had not come to its end; the client connects again. */
  onRefused?(watched: WatchedRun, errors: unknown): void;
};

export type WatchingClient = { close(): void };

/** Starts a client that watches: the lean one of this file, or the one that we publish. */
export type StartWatching = (options: WatchingOptions) => WatchingClient;

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

export const WATCH = `subscription Watch($id: ID!, $after: Int! = 0) {
  executionEvents(id: $id, after: $after) { lastSeq ended events { seq ... on LogEvent { message } } }
}`;

/**
 * Watches runs over one WebSocket to their ends, through whatever happens to the connection: it comes back after a
 * wait that doubles and is spread at random, and resumes by number. It does nothing about events that come twice, in
 * the wrong order or not at all: finding those is what it is for.
 */
export const startWatching: StartWatching = ({ url, token, runs, resumeBy, ...on }) => {
  const cursors = new Map(runs.map(({ operationId, after }) => [operationId, after]));
  const going = new Map(runs.map((watched) => [watched.operationId, watched]));
  let socket: ProtocolSocket;
  let failures = 0;
  let isLive = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function connect(): void {
    const init = {
      authorization: `Bearer ${token}`,
      ...(resumeBy === 'cursors' && { cursors: Object.fromEntries(cursors) }),
    };
    socket = openProtocolSocket({ url, init, onMessage: take, onClose: reconnect });
  }

  function reconnect(code: number): void {
    if (isClosed) return;
    on.onClose?.({ code, wasLive: isLive });
    isLive = false;
    const wait = Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    failures += 1;
    timer = setTimeout(connect, wait);
  }

  function take(message: ServerMessage): void {
    if (message.type === 'connection_ack') subscribeToAll();
    if (!('id' in message)) return;
    const watched = going.get(message.id);
    if (watched === undefined) return;
    if (message.type === 'next' && message.payload.data)
      deliver(watched, message.payload.data.executionEvents);
    else refused(watched, message.type === 'complete' ? 'completed before the end' : message.payload);
  }

  function subscribeToAll(): void {
    isLive = true;
    for (const { operationId, run, after } of going.values()) {
      const from = resumeBy === 'cursors' ? after : cursors.get(operationId);
      const payload = { query: WATCH, variables: { id: run, after: from } };
      socket.send({ id: operationId, type: 'subscribe', payload });
    }
  }

  function deliver(watched: WatchedRun, batch: Batch): void {
    failures = 0;
    cursors.set(watched.operationId, batch.lastSeq);
    if (batch.ended) going.delete(watched.operationId);
    on.onBatch(watched, batch);
    if (going.size === 0) close();
  }

  function refused(watched: WatchedRun, errors: unknown): void {
    on.onRefused?.(watched, errors);
    socket.drop();
  }

  function close(): void {
    isClosed = true;
    clearTimeout(timer);
    socket.close();
  }

  connect();
  return { close };
};
