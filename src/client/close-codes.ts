import { CloseCode } from 'graphql-ws/client';
import type { GateWait } from './backoff.ts';
import { connectionLost, RuncastError } from './errors.ts';

/** The server stops or restarts (RFC 6455). */
const GOING_AWAY = 1001;
/** The user has as many sockets open as one may have. */
const TOO_MANY_SOCKETS = 4290;

/** A server that restarts closes its sockets over a while; what comes back at once may meet it again. */
const RESTART_MS = 1_000;
/** Somebody has to close one of the others first. */
const CROWDED: GateWait = { atLeastMs: 1_000, withinMs: 10_000 };

export function errorOfClose(code: number | undefined, reason: string | undefined): RuncastError {
  const message = `The WebSocket closed with ${code}${reason ? ` (${reason})` : ''}.`;
  if (code === CloseCode.Forbidden) return new RuncastError('UNAUTHENTICATED', message);
  if (code === TOO_MANY_SOCKETS) return new RuncastError('TOO_MANY_SOCKETS', message);
  return connectionLost(message);
}

/** How long to stay away after a close; what the number of failures says, where nothing else is known. */
export function waitAfterClose(code: number | undefined): GateWait {
  if (code === GOING_AWAY) return { withinMs: RESTART_MS };
  return code === TOO_MANY_SOCKETS ? CROWDED : {};
}
