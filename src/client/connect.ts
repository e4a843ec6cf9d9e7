import type { Gate } from './backoff.ts';
import { createFallback } from './fallback.ts';
import type { Fetch } from './http.ts';
import type { WebSocketClass } from './link.ts';
import { createStreamTransport } from './sse.ts';
import type { Tokens } from './tokens.ts';
import type { Transport } from './transport.ts';
import { createSocketTransport } from './websocket.ts';

export type Connecting = {
  /** Relative, or of any of http, https, ws and wss. */
  url: string;
  transport?: 'auto' | 'websocket' | 'sse' | undefined;
  webSocketImpl?: WebSocketClass | undefined;
  fetch: Fetch;
  tokens: Tokens;
  gate: Gate;
  keepAliveMs: number;
  connectMs: number;
};

/** @throws {TypeError} where WebSockets are asked for and there are none, or the URL is none */
export function createTransport({ transport = 'auto', ...options }: Connecting): Transport {
  const webSocketImpl = options.webSocketImpl ?? globalThis.WebSocket;
  if (transport === 'websocket' && !webSocketImpl) {
    throw new TypeError('There is no WebSocket here: pass one as webSocketImpl, or use transport: "sse".');
  }
  const onOutcome = () => {};
  const streams = { ...options, url: urlFor('http', options.url), silenceMs: 3 * options.keepAliveMs };
  const sockets = { ...options, url: urlFor('ws', options.url), webSocketImpl };
  if (transport === 'websocket') return createSocketTransport({ ...sockets, onOutcome });
  if (transport === 'sse' || !webSocketImpl) return createStreamTransport({ ...streams, onOutcome });
  const fallback = createFallback({
    sockets: createSocketTransport({ ...sockets, onOutcome: (outcome) => fallback.socketOutcome(outcome) }),
    streams: createStreamTransport({ ...streams, onOutcome: (outcome) => fallback.streamOutcome(outcome) }),
  });
  return fallback;
}

/** The same address for the other protocol, as secure as it was. */
export function urlFor(protocol: 'http' | 'ws', url: string): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const absolute = new URL(url, page);
  absolute.protocol = absolute.protocol.replace(/^(http|ws)/, protocol);
  return absolute.href;
}
