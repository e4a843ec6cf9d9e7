import type { Gate } from './backoff.ts';
import { waitAfterClose } from './close-codes.ts';
import { asRuncastError, connectionLost, type RuncastError } from './errors.ts';
import { type Link, type Lost, openLink, type WebSocketClass } from './link.ts';
import type { Tokens } from './tokens.ts';
import type { OnOutcome, Operation, Sink, Transport } from './transport.ts';

export type SocketTransport = Transport & {
  /** Whether a socket can be opened; one that is stays for the operations to come. */
  probe(): Promise<boolean>;
};

type SocketOptions = {
  url: string;
  webSocketImpl: WebSocketClass;
  tokens: Tokens;
  gate: Gate;
  keepAliveMs: number;
  connectMs: number;
  onOutcome: OnOutcome;
};

/** A socket that lasted so long was no mistake, also where nothing was heard on it. */
const STABLE_MS = 5_000;

/** One WebSocket for all operations, opened when the first of them needs it. */
export function createSocketTransport(options: SocketOptions): SocketTransport {
  const { gate, tokens, onOutcome } = options;
  /** Of the socket that is open or being opened. */
  let link: Link | undefined;
  let connected: Promise<Link> | undefined;
  let closed: RuncastError | undefined;

  function connect(): Promise<Link> {
    connected ??= takeToken().then(open);
    return connected;
  }

  async function takeToken(): Promise<string> {
    try {
      return await tokens.take();
    } catch (error) {
      connected = undefined;
      gate.failed();
      throw error;
    }
  }

  function open(token: string): Promise<Link> {
    if (closed) throw closed;
    return new Promise((resolve, reject) => {
      const opened = openLink({
        ...options,
        token,
        onConnected() {
          onOutcome('connected');
          resolve(opened);
        },
        onLost(lost) {
          forget();
          learnFrom(lost);
          reject(lost.error);
        },
        onIdle() {
          forget();
          opened.end(connectionLost('Nothing ran on the WebSocket.'));
        },
      });
      link = opened;
    });
  }

  function forget(): void {
    link = undefined;
    connected = undefined;
  }

  function learnFrom({ error, code, lastedMs, token }: Lost): void {
    if (error.code === 'UNAUTHENTICATED') tokens.refuse(token);
    if (error.code === 'CONNECTION_LOST' && lastedMs === undefined) onOutcome('refused');
    if (lastedMs !== undefined && lastedMs > STABLE_MS) gate.succeeded();
    gate.failed(waitAfterClose(code));
  }

  async function start(operation: Operation, sink: Sink, leaving: Leaving): Promise<void> {
    await gate.pass(leaving.signal);
    if (leaving.signal.aborted) return;
    const opened = await connect();
    if (leaving.signal.aborted) return;
    leaving.leave = opened.run(operation, {
      ...sink,
      next(data) {
        gate.succeeded();
        sink.next(data);
      },
    });
  }

  return {
    subscribe(operation, sink) {
      const controller = new AbortController();
      const leaving: Leaving = { signal: controller.signal, leave: () => {} };
      start(operation, sink, leaving).catch((error) => {
        if (!leaving.signal.aborted) sink.failed(asRuncastError(error));
      });
      return () => {
        controller.abort();
        leaving.leave();
      };
    },
    probe: () =>
      connect().then(
        () => true,
        () => false,
      ),
    close(error) {
      closed = error;
      link?.end(error);
      forget();
    },
  };
}

type Leaving = { signal: AbortSignal; leave(): void };
