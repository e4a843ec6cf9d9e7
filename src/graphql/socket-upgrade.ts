import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Origins } from '../platform/origins.ts';
import type { Admission } from './limits/admission.ts';
import { FULL_RETRY_SECONDS, type Place, type SocketLimits } from './limits/socket-limits.ts';

export type UpgradeOptions = {
  admission: Admission;
  origins: Origins;
  socketLimits: SocketLimits;
  /** Aborted when the server begins to close. */
  draining: AbortSignal;
};

/** An answer to an upgrade other than the switch of protocols. */
type Refused = { status: number; message: string; retryAfter?: number };

/** Whether a WebSocket may be opened: its place, or what is answered instead. */
export function admitUpgrade(
  request: IncomingMessage,
  { admission, origins, socketLimits, draining }: UpgradeOptions,
): Place | Refused {
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path !== '/graphql' && path !== '/graphql/') return { status: 404, message: 'Not Found' };
  if (draining.aborted) return { status: 503, message: 'This server is closing', retryAfter: 1 };
  // CORS does not cover WebSockets: a browser opens them to anywhere, and says for which page.
  if (origins.isForeign(request.headers)) return { status: 403, message: 'This origin is not allowed' };
  const retryAfter = admission.ofSocket(request);
  if (retryAfter !== undefined) return { status: 429, message: 'Too Many Requests', retryAfter };
  const place = socketLimits.enter(request.socket);
  return place ?? { status: 503, message: 'This server is full', retryAfter: FULL_RETRY_SECONDS };
}

/** Answers by hand: a request to upgrade has no response object. */
export function refuseUpgrade(connection: Duplex, { status, message, retryAfter }: Refused): void {
  connection.on('error', () => connection.destroy());
  connection.once('finish', () => connection.destroy());
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(message)}`,
    ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`]),
  ];
  connection.end(`${headers.join('\r\n')}\r\n\r\n${message}`);
}
