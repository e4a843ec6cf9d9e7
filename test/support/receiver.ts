import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: string };

/** A web server that keeps what it was sent, and counts every connection, also those that say nothing. */
export type Receiver = {
  url: string;
  host: string;
  port: number;
  received: Received[];
  connections(): number;
  close(): Promise<void>;
};

export type Answer =
  | { status?: number; headers?: Record<string, string | string[]>; body?: string | Buffer }
  /** Does as it likes with the response, or nothing. */
  | ((response: ServerResponse) => void);

type Options = { host?: string; port?: number; tls?: { key: string; cert: string } };

/** @param answer what it says to a request; or a listener, after which the body is not read */
export function startReceiver(
  answer: (request: Received, count: number) => Answer = () => ({}),
  options: Options = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const seen = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
    received.push(seen);
    const said = answer(seen, received.length);
    if (typeof said === 'function') return said(response);
    const { status = 200, headers: sent = {}, body = '' } = said;
    response.writeHead(status, sent).end(body);
  };
  return startRawReceiver(listener, { ...options, received });
}

/** What was posted, of which each is JSON. */
// biome-ignore lint/suspicious/noExplicitAny: what was sent is the test's to know.
export function posted({ received }: Receiver): (Omit<Received, 'body'> & { body: any })[] {
  return received.map((request) => ({ ...request, body: JSON.parse(request.body) }));
}

export async function startRawReceiver(
  listener: RequestListener,
  { host = '127.0.0.1', port = 0, tls, received = [] }: Options & { received?: Received[] } = {},
): Promise<Receiver> {
  const server: Server = tls ? createSecureServer(tls, listener) : createServer(listener);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  const written = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls ? 'https' : 'http'}://${written}:${taken}`,
    host: `${written}:${taken}`,
    port: taken,
    received,
    connections: () => connections,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
