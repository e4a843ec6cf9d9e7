import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { CloseCode, type Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { codeOf, messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Identity } from './context.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { Place } from './limits/socket-limits.ts';
import type { Outlet } from './live/outlet.ts';
import { OperationOrder } from './operation-order.ts';

/** What is kept of the request that opened a socket; all of it would be several kilobytes for every socket. */
export type Upgraded = {
  /** The connection below, which knows how many bytes wait to be sent. */
  connection: Socket;
  /** Where it came from, as limits count it. */
  address: string;
  /** Its Authorization header, until connection_init. */
  authorization: string | undefined;
  place: Place;
  /** What is followed over it is written here. */
  outlet: Outlet;
};

/** What is kept for a socket that has said who it is. */
export type Session = {
  /** Its claims are replaced when the client renews its token, also for operations that are running. */
  readonly identity: Identity & Required<Pick<Identity, 'renew'>>;
  /** Aborted as soon as the socket begins to close. */
  readonly signal: AbortSignal;
  end(): void;
};

/** A socket, as graphql-ws's hooks are given it. */
export type Extra = Upgraded & {
  socket: WebSocket;
  /** Who it is, once connection_init has said so. */
  session?: Session;
  /** Tells the protocol that it is over, once: its operations end. */
  over?(code: number, reason: string): void;
};

export type Transport = {
  protocol: Server<Extra>;
  /** Those that are open. */
  open: Set<Extra>;
  keepAlive: KeepAlive<Extra>;
  log: Logger;
};

/** What fits into a close frame, RFC 6455 section 5.5. */
const LONGEST_REASON = 123;

/**
 * Connects a socket to graphql-ws's protocol. Its own adapter prints what goes wrong with a socket, a frame that is too
 * large say, to the console; here it is a line in the log.
 */
export function openSocket({ protocol, open, keepAlive, log }: Transport, extra: Extra): void {
  const { socket } = extra;
  open.add(extra);
  // The socket closes by itself, with the code that the fault has in RFC 6455: 1009 for a frame that is too large.
  socket.on('error', (error) =>
    log.info({ code: codeOf(error), error: messageOf(error) }, 'a WebSocket broke off'),
  );
  keepAlive.add(extra);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (data) => send(socket, data),
      close: (code = CloseCode.InternalServerError, reason = '') => closeSocket(extra, code, reason),
      onMessage(take) {
        // What comes, or has waited, after we began to close it, with 4403 say, is not to be run.
        const takeIfOpen = (message: string) =>
          socket.readyState === socket.OPEN ? take(message) : Promise.resolve();
        const order = new OperationOrder(takeIfOpen, (id) => refuseSecond(extra, id));
        // Text at once: a subscription keeps its message, and with the bytes the whole read that they are a part of.
        socket.on(
          'message',
          (data, isBinary) => void receive(extra, { text: isBinary ? undefined : String(data), order, log }),
        );
      },
    },
    extra,
  );
  let isOver = false;
  extra.over = (code, reason) => {
    if (isOver) return;
    isOver = true;
    closed(code, reason).catch((error) => log.error({ err: error }, 'closing a WebSocket'));
  };
  socket.on('close', (code, reason) => {
    extra.outlet.close();
    keepAlive.remove(extra);
    open.delete(extra);
    extra.over?.(code, String(reason));
  });
}

/** Begins to close a socket, whose streams end at once: a client may take its time to answer, or never do. */
export function closeSocket(extra: Extra, code: number, reason: string): void {
  extra.outlet.close();
  extra.socket.close(code, fitting(reason));
  extra.session?.end();
  extra.over?.(code, reason);
}

/** The beginning of a reason that is too long, such as one that repeats an operation's id, without half a character. */
function fitting(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= LONGEST_REASON) return reason;
  return new TextDecoder().decode(bytes.subarray(0, LONGEST_REASON), { stream: true });
}

/** Resolves however it ends: of a connection that breaks while it is written to, its own end tells. */
function send(socket: WebSocket, data: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState === socket.OPEN) socket.send(data, () => resolve());
    else resolve();
  });
}

function refuseSecond(extra: Extra, id: string): void {
  closeSocket(extra, CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`);
}

/** `text` is undefined for a binary message. */
type Received = { text: string | undefined; order: OperationOrder; log: Logger };

async function receive(extra: Extra, { text, order, log }: Received): Promise<void> {
  if (text === undefined) {
    return closeSocket(extra, CloseCode.BadRequest, 'Invalid message received: send text');
  }
  try {
    await order.receive(withQuery(text));
  } catch (error) {
    const errorId = randomUUID();
    log.error({ err: error, errorId }, 'unexpected error');
    closeSocket(extra, CloseCode.InternalServerError, `Unexpected error ${errorId}`);
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
