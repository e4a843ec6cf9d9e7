import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Data } from './api.ts';

/** A socket at /graphql that speaks the protocol by hand: graphql-ws's client refuses what this is for. */
export type RawSocket = {
  socket: WebSocket;
  send(message: object | string): void;
  /** The next message; rejects when the socket closes before it. */
  next(): Promise<Data>;
  close(): void;
};

/** Open and acknowledged. */
export async function openRawSocket(url: string): Promise<RawSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  const next = (): Promise<Data> =>
    new Promise((resolve, reject) => {
      const message = (data: unknown) => {
        socket.off('close', closed);
        resolve(JSON.parse(String(data)));
      };
      const closed = (code: number) => {
        socket.off('message', message);
        reject(new Error(`the socket closed with ${code}`));
      };
      socket.once('message', message).once('close', closed);
    });
  const send = (message: object | string) =>
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  send({ type: 'connection_init' });
  await next();
  return { socket, send, next, close: () => socket.close() };
}
