import { createClient } from 'graphql-ws/client';
import { errorOfClose } from './close-codes.ts';
import { connectionLost, type RuncastError } from './errors.ts';
import { keepRenewed, renewOver } from './renewal.ts';
import { runOperation } from './socket-operation.ts';
import type { Tokens } from './tokens.ts';
import type { Operation, Sink } from './transport.ts';
import { createWatchdog } from './watchdog.ts';

/** The class WebSocket of browsers and Node, or one that behaves like it, such as that of the package `ws`. */
export type WebSocketClass = new (
  url: string,
  protocol: string,
) => { addEventListener(type: 'error', listener: () => void): void };

export type LinkOptions = {
  url: string;
  webSocketImpl: WebSocketClass;
  tokens: Tokens;
  /** The one that the socket is opened with; empty for none. */
  token: string;
  keepAliveMs: number;
  connectMs: number;
  /** The server has acknowledged it. */
  onConnected(link: Link): void;
  /** It could not be opened, or is gone, or cannot be used any more. */
  onLost(lost: Lost): void;
  /** Nothing has run on it for a while. */
  onIdle(): void;
};

export type Lost = {
  error: RuncastError;
  /** With which the server closed it; undefined where it did not say anything. */
  code: number | undefined;
  /** How long it was connected, in milliseconds; undefined where it never was. */
  lastedMs: number | undefined;
  /** The token that it was opened with, or that renewed it last. */
  token: string;
};

export type Link = {
  /** @throws {RuncastError} where the socket is gone */
  run(operation: Operation, sink: Sink): () => void;
  /** Closes the socket; operations that still run fail with the error. */
  end(error: RuncastError): void;
};

/** A stop and a start right after it, as after a gap, go over the same socket. */
const IDLE_MS = 1_000;

/**
 * Opens a socket. A client of graphql-ws lives as long as its socket here, for two reasons: the events of a socket that
 * is going reach nobody who waits for the next one, and its own retries send operations as they first were, with the
 * cursors of then.
 */
export function openLink(options: LinkOptions): Link {
  const link: Link = { run, end };
  let { token } = options;
  let connectedAt: number | undefined;
  let lost: RuncastError | undefined;
  let running = 0;
  let stopRenewal = () => {};
  const answer = createWatchdog(() => client.terminate());
  const idle = createWatchdog(options.onIdle);

  const client = createClient({
    url: options.url,
    webSocketImpl: withErrorsHeard(options.webSocketImpl),
    lazy: false,
    onNonLazyError: () => {},
    retryAttempts: 0,
    keepAlive: options.keepAliveMs,
    connectionParams: token === '' ? {} : { authorization: `Bearer ${token}` },
    on: {
      connected,
      ping: (isReceived) => isReceived || answer.start(options.keepAliveMs / 2),
      pong: (isReceived) => isReceived && answer.stop(),
      closed,
      error: (cause) => lose(connectionLost('The WebSocket could not be opened, or broke.', cause)),
    },
  });
  answer.start(options.connectMs);
  return link;

  function connected(socket: unknown): void {
    answer.stop();
    connectedAt = performance.now();
    stopRenewal = keepRenewed(options.tokens, token, async (fresh) => {
      const isRenewed = await renewOver(client, socket, fresh);
      if (isRenewed) token = fresh;
      return isRenewed;
    });
    idle.start(IDLE_MS);
    options.onConnected(link);
  }

  function closed(event: unknown): void {
    const { code, reason } = event as { code?: number; reason?: string };
    lose(errorOfClose(code, reason), code);
  }

  function lose(error: RuncastError, code?: number): void {
    if (lost) return;
    const lastedMs = connectedAt === undefined ? undefined : performance.now() - connectedAt;
    options.onLost({ error, code, lastedMs, token });
    end(error);
  }

  function end(error: RuncastError): void {
    if (lost) return;
    lost = error;
    answer.stop();
    idle.stop();
    stopRenewal();
    // Without this it would connect again by itself after a close with 1000.
    Promise.resolve(client.dispose()).catch(() => {});
    // Disposing would wait for a socket that is still being opened.
    if (connectedAt === undefined) client.terminate();
  }

  function run(operation: Operation, sink: Sink): () => void {
    if (lost) throw lost;
    idle.stop();
    running += 1;
    const counted = () => {
      running -= 1;
      if (running === 0 && !lost) idle.start(IDLE_MS);
    };
    const leave = runOperation(client, operation, {
      onData: (data) => sink.next(data),
      onOver(failure) {
        counted();
        // Whom a socket speaks for is settled when it is opened.
        if (failure?.code === 'UNAUTHENTICATED') lose(failure);
        const error = lost ?? failure;
        if (error) sink.failed(error);
        else sink.complete();
      },
    });
    sink.open();
    return () => leave() && counted();
  }
}

/**
 * What a socket says after graphql-ws has let go of it goes to nobody, and the package `ws` would throw an error that
 * nobody hears: the end of a process.
 */
function withErrorsHeard(implementation: WebSocketClass): WebSocketClass {
  return new Proxy(implementation, {
    construct(target, [url, protocol]: [string, string]) {
      const socket = new target(url, protocol);
      socket.addEventListener('error', () => {});
      return socket;
    },
  });
}
