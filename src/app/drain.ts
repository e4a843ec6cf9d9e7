import type { Server, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Sockets } from '../graphql/websocket.ts';

/** At 200 a second the clients of one process are no stampede for the one that they come back to. */
const PACE_MS = 5;
/** Every so often those are closed whose turn has come. */
const TICK_MS = 20;
/** How long a client may take to answer that its socket closes, or to read the rest of a response. */
const ANSWER_MS = 500;
/** What requests have to be answered in that are cut short at the end. */
const LAST_MS = 250;

export type Draining = {
  server: Server;
  sockets: Sockets;
  /** Responses of server-sent events. */
  streams: ReadonlySet<ServerResponse>;
  /** All responses that have not been sent to their end. */
  responses: ReadonlySet<ServerResponse>;
  /** Aborted at once: what comes from now on is refused. */
  draining: AbortController;
  /** Aborted towards the end: what still runs is cut short. */
  closing: AbortController;
};

/**
 * Refuses what is new, ends what is followed one by one, and waits for requests. A subscription is not completed, which
 * would tell a client that nothing more is coming: its socket closes with 1001, or its SSE response breaks off, and the
 * client resumes elsewhere by its cursor. Until its turn it is served. Few are through in a moment, and however many
 * there are and whatever they do, all is over within the grace.
 */
export async function drain(parts: Draining, graceMs: number): Promise<void> {
  const { server, sockets, streams, responses, draining, closing } = parts;
  const end = performance.now() + graceMs;
  const until = (msBefore: number) => wait(end - msBefore - performance.now());
  draining.abort();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  const idle = setInterval(() => server.closeIdleConnections(), TICK_MS);

  await spread(goodbyes(parts), graceMs - ANSWER_MS - LAST_MS);
  // Those whose request was on its way when the others were counted.
  for (const response of streams) response.destroy();
  const unread = [...responses].filter((response) => response.writableLength > 0);
  await Promise.race([closed, wait(ANSWER_MS), until(LAST_MS)]);
  sockets.end();
  // A client that does not read what it asked for would hold everything up to the end of the grace.
  for (const response of unread) if (response.writableLength > 0) response.destroy();
  await Promise.race([closed, until(LAST_MS)]);
  closing.abort();
  await Promise.race([closed, until(0)]);
  server.closeAllConnections();
  clearInterval(idle);
}

function goodbyes({ sockets, streams }: Draining): (() => void)[] {
  return [
    ...Array.from(sockets.open, (socket) => () => sockets.dismiss(socket)),
    ...Array.from(streams, (response) => () => void response.destroy()),
  ];
}

/** Takes the steps at the pace, or faster where the time would not do. */
async function spread(steps: readonly (() => void)[], longestMs: number): Promise<void> {
  const ms = Math.min(steps.length * PACE_MS, Math.max(1, longestMs));
  const start = performance.now();
  let taken = 0;
  for (;;) {
    const share = Math.min(1, (performance.now() - start) / ms);
    const due = Math.ceil(share * steps.length);
    for (const step of steps.slice(taken, due)) step();
    taken = due;
    if (taken === steps.length) return;
    await pause(Math.min(TICK_MS, ms));
  }
}

/** Without keeping a process alive that has nothing else to do. */
function wait(ms: number): Promise<void> {
  return pause(Math.max(0, ms), undefined, { ref: false });
}
