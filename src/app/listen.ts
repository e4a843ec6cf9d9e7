import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { codeOf, StartupError } from '../platform/errors.ts';

export type Listening = {
  server: Server;
  /** The port in fact: the free one that was found where 0 was asked for. */
  port: number;
  /** Hands all requests from now on to `handler`; until then they are answered with 503. */
  serve(handler: RequestListener): void;
};

/** How long a client may take, in milliseconds. */
export type HttpTimeouts = { headers: number; request: number; checkEvery: number };

/**
 * Who sends slowly holds a connection for nothing. Headers are promised to be over within 15 s, requests within 30 s;
 * Node looks only now and then, every 30 s by default.
 */
const TIMEOUTS: HttpTimeouts = { headers: 13_500, request: 28_500, checkEvery: 1_000 };

/** The HTTP server of the API: a client that is too slow with its headers or its body is answered 408 and cut off. */
export function createHttpServer(handler: RequestListener, timeouts: HttpTimeouts = TIMEOUTS): Server {
  return createServer(
    {
      headersTimeout: timeouts.headers,
      requestTimeout: timeouts.request,
      connectionsCheckingInterval: timeouts.checkEvery,
    },
    handler,
  );
}

/**
 * Takes the port before anything is written, so that a port in use ends a start that has done nothing yet. Until
 * the program is up, /health/live answers 200 and everything else 503.
 */
export async function listen(host: string, port: number): Promise<Listening> {
  let handler: RequestListener = answerWhileStarting;
  const server = createHttpServer((request, response) => handler(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  }).catch((cause) => {
    throw refused(host, port, cause);
  });
  return {
    server,
    port: (server.address() as AddressInfo).port,
    serve: (next) => {
      handler = next;
    },
  };
}

const answerWhileStarting: RequestListener = (request, response) => {
  const isAlive = request.url === '/health/live';
  response.writeHead(isAlive ? 200 : 503, { 'content-type': 'application/json', 'retry-after': '1' });
  response.end(JSON.stringify(isAlive ? { status: 'ok' } : { status: 'starting' }));
};

function refused(host: string, port: number, cause: unknown): StartupError {
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return new StartupError(`Port ${port} is taken: set PORT to another one, or stop what listens there.`, {
        cause,
      });
    case 'EACCES':
      return new StartupError(`Port ${port} may not be used by this user: set PORT to one above 1023.`, {
        cause,
      });
    default:
      return new StartupError(`Cannot listen on ${host}: set HOST to an address of this machine.`, { cause });
  }
}
