import type { WebSocket } from 'ws';
import type { Outlet } from './live/outlet.ts';

/** A proxy between closes a connection that is silent for a minute; a client that is gone holds memory until then. */
const PING_MS = 12_000;
/** Sockets are pinged a part at a time: ten thousand at once would keep everything else waiting. */
const PARTS = 48;

/** A socket, and whether what was sent to it before waits to be read: then pings would wait behind it. */
export type Kept = { socket: WebSocket; outlet: Pick<Outlet, 'isReady' | 'whenReady'> };

/**
 * Pings sockets, and gives up those that have not answered by their next turn. One timer serves all of them, of which those
 * that are full are left to whoever counts how long they are.
 */
export type KeepAlive<Socket extends Kept> = {
  add(kept: Socket): void;
  /** Of a socket that has closed. */
  remove(kept: Socket): void;
  stop(): void;
};

/** @param giveUp closes a socket whose client neither answers nor reads */
export function createKeepAlive<Socket extends Kept>(
  giveUp: (socket: Socket) => void,
  pingMs = PING_MS,
): KeepAlive<Socket> {
  const parts = Array.from({ length: PARTS }, () => new Set<Socket>());
  const unanswered = new Set<WebSocket>();
  let turn = 0;
  let joined = 0;

  function answered(this: WebSocket): void {
    unanswered.delete(this);
  }

  function ping(kept: Socket): void {
    const { socket, outlet } = kept;
    // Whoever waits for it has it watched, and closed where its client does not read; perhaps nobody else does.
    if (!outlet.isReady) outlet.whenReady(nothing);
    else if (unanswered.has(socket)) giveUp(kept);
    else if (socket.readyState === socket.OPEN) {
      unanswered.add(socket);
      socket.ping();
    }
  }

  const timer = setInterval(() => {
    turn = (turn + 1) % PARTS;
    for (const kept of parts[turn] ?? []) ping(kept);
  }, pingMs / PARTS);

  return {
    add(kept) {
      // In turn, so that those who all come back at once after a restart are spread as well.
      joined = (joined + 1) % PARTS;
      parts[joined]?.add(kept);
      kept.socket.on('pong', answered);
    },
    remove(kept) {
      for (const part of parts) if (part.delete(kept)) break;
      unanswered.delete(kept.socket);
    },
    stop: () => clearInterval(timer),
  };
}

function nothing(): void {}
