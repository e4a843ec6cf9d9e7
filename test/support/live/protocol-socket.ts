import { WebSocket } from 'ws';
import type { Data } from '../api.ts';

/** A message of graphql-transport-ws from the server. */
export type ServerMessage =
  | { type: 'connection_ack' | 'ping' }
  | { type: 'pong'; payload?: Data }
  | { type: 'next'; id: string; payload: { data?: Data; errors?: Data[] } }
  | { type: 'error'; id: string; payload: Data[] }
  | { type: 'complete'; id: string };

export type ProtocolSocketOptions = {
  /** Of the server, `http://…`. */
  url: string;
  /** Payload of connection_init. */
  init: object;
  /** Once connection_init has been sent. */
  onOpen?(): void;
  onMessage(message: ServerMessage): void;
  /** Once, also where it never opened (1006). */
  onClose(code: number, reason: string): void;
};

/** A socket that speaks graphql-transport-ws and hides nothing: it neither retries nor answers for its user. */
export type ProtocolSocket = {
  send(message: object): void;
  /** Stops reading: what the server sends stays in the kernel, then in the server. */
  pause(): void;
  resume(): void;
  close(): void;
  /** Without a close frame, as a phone in a tunnel does. */
  drop(): void;
};

export function openProtocolSocket({ url, init, ...on }: ProtocolSocketOptions): ProtocolSocket {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  });
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.on('open', () => {
    send({ type: 'connection_init', payload: init });
    on.onOpen?.();
  });
  socket.on('message', (data) => on.onMessage(JSON.parse(String(data))));
  // A close follows, with the code.
  socket.on('error', () => {});
  socket.on('close', (code, reason) => on.onClose(code, String(reason)));
  return {
    send,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.close(1000),
    drop: () => socket.terminate(),
  };
}
