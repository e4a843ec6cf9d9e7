import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { CloseCode, handleProtocols, type Server } from 'graphql-ws';
import type { WebSocket, WebSocketServer } from 'ws';
import { codeOf, messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';

export type Extra = { socket: WebSocket; request: IncomingMessage };

/** A proxy between closes a connection that is silent for a minute; a client that is gone holds memory until then. */
const PING_MS = 12_000;

/**
 * Connects sockets to graphql-ws's protocol. Its own adapter prints what goes wrong with a socket, a frame that is too
 * large say, to the console; here it is a line in the log.
 */
export function connectSockets(sockets: WebSocketServer, protocol: Server<Extra>, log: Logger): void {
  sockets.options.handleProtocols = handleProtocols;
  sockets.on('error', (error) => log.error({ err: error }, 'WebSocket server'));
  sockets.on('connection', (socket, request) => {
    // The socket closes by itself, with the code that the fault has in RFC 6455: 1009 for a frame that is too large.
    socket.on('error', (error) =>
      log.info({ code: codeOf(error), error: messageOf(error) }, 'a WebSocket broke off'),
    );
    const ping = keepAlive(socket);
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) => send(socket, data),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) => socket.on('message', (data) => void handle(socket, take, String(data), log)),
      },
      { socket, request },
    );
    socket.once('close', (code, reason) => {
      clearInterval(ping);
      closed(code, String(reason)).catch((error) => log.error({ err: error }, 'closing a WebSocket'));
    });
  });
}

/** 1001 makes clients connect again, to another process or to this one's successor, and resume by their cursor. */
export function closeSockets(sockets: WebSocketServer): Promise<void> {
  for (const client of sockets.clients) client.close(1001, 'Going away');
  return new Promise((resolve, reject) => sockets.close((error) => (error ? reject(error) : resolve())));
}

function send(socket: WebSocket, data: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(data, (error) => (error ? reject(error) : resolve()));
  });
}

async function handle(
  socket: WebSocket,
  take: (message: string) => Promise<void>,
  message: string,
  log: Logger,
): Promise<void> {
  try {
    await take(withQuery(message));
  } catch (error) {
    const errorId = randomUUID();
    log.error({ err: error, errorId }, 'unexpected error');
    socket.close(CloseCode.InternalServerError, `Unexpected error ${errorId}`);
  }
}

/** graphql-ws wants a query in every subscribe message; of a persisted operation there is an id in its place. */
function withQuery(message: string): string {
  if (!message.includes('"documentId"') && !message.includes('"persistedQuery"')) return message;
  try {
    const parsed = JSON.parse(message);
    if (typeof parsed.payload?.documentId !== 'string' && !parsed.payload?.extensions) return message;
    parsed.payload.query ??= '';
    return JSON.stringify(parsed);
  } catch {
    // The protocol says what is wrong with it.
    return message;
  }
}

function keepAlive(socket: WebSocket): NodeJS.Timeout {
  let isAlive = true;
  socket.on('pong', () => {
    isAlive = true;
  });
  return setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, PING_MS);
}
