import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Data } from './api.ts';

/** An operation on a socket of a scripted server, and what can be answered. */
export type ScriptedOperation = {
  id: string;
  query: string;
  variables: Data;
  /** Events by their numbers, in one batch. */
  batch(seqs: readonly number[], more?: { lastSeq?: number; ended?: boolean }): void;
  next(payload: object): void;
  error(...errors: object[]): void;
  complete(): void;
  /** Closes the whole socket. */
  close(code: number, reason?: string): void;
};

export type ScriptedServer = {
  url: string;
  /** The payload of each connection_init, in order; a ping's payload as `{ping}`. */
  heard: Data[];
  close(): Promise<void>;
};

type Script = {
  /** Told of each operation, with how many there were before. */
  onSubscribe?: (operation: ScriptedOperation, before: number) => void;
  /** @returns a close code in place of the acknowledgement */
  onInit?: (payload: Data, before: number) => number | undefined;
};

/** A server of graphql-transport-ws that says what a real one never would. */
export async function startScriptedServer({ onSubscribe, onInit }: Script): Promise<ScriptedServer> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: () => 'graphql-transport-ws',
  });
  const heard: Data[] = [];
  let operations = 0;
  let inits = 0;
  server.on('connection', (socket) => {
    socket.on('message', (text) => {
      const { type, id, payload } = JSON.parse(String(text));
      const send = (message: object) => socket.send(JSON.stringify(message));
      if (type === 'connection_init') {
        heard.push(payload);
        const code = onInit?.(payload, inits++);
        if (code) socket.close(code, 'as the script says');
        else send({ type: 'connection_ack' });
      } else if (type === 'ping') {
        if (payload) heard.push({ ping: payload });
        send({ type: 'pong' });
      } else if (type === 'subscribe') {
        onSubscribe?.(operationOn(socket, id, payload), operations++);
      }
    });
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    heard,
    async close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

function operationOn(socket: WebSocket, id: string, { query, variables }: Data): ScriptedOperation {
  const send = (message: object) => socket.send(JSON.stringify({ id, ...message }));
  const next = (payload: object) => send({ type: 'next', payload });
  return {
    ...{ id, query, variables, next },
    batch(seqs, { lastSeq = seqs.at(-1) ?? variables.after, ended = false } = {}) {
      const events = seqs.map((seq) => ({ type: 'LOG', seq, message: `line ${seq}` }));
      next({ data: { executionEvents: { events, lastSeq, ended } } });
    },
    error: (...errors) => send({ type: 'error', payload: errors }),
    complete: () => send({ type: 'complete' }),
    close: (code, reason = '') => socket.close(code, reason),
  };
}
