import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Data } from './api.ts';
import { decodeFrame, encodeFrame, type Frame, type FrameOptions, OPCODES } from './websocket-frames.ts';

/** A WebSocket on a bare connection, which sends what it is told and answers nothing by itself. */
export type FrameClient = {
  connection: Socket;
  /** The answer to the upgrade: its status line and headers, in lower case. */
  head: string;
  status: number;
  /** What came instead of frames, where it was refused. */
  body(): Promise<string>;
  frame(opcode: number, options?: FrameOptions): void;
  /** A message in one text frame, as JSON unless it is text already. */
  send(message: object | string): void;
  /** The next frame; rejects where the connection ends before it. */
  nextFrame(): Promise<Frame>;
  /** The next message of the protocol, passing over pings; rejects where the socket closes before it. */
  next(): Promise<Data>;
  /** Reads on to the close frame, passing over messages, and does not answer it. */
  closed(): Promise<{ code: number; reason: string }>;
  /** Resolves once the server has cut the connection. */
  ended: Promise<unknown>;
  /** Answers a close frame, as a client should. */
  answerClose(code: number): void;
  destroy(): void;
};

export type Handshake = {
  /** Sec-WebSocket-Protocol; undefined for none. Default: the protocol's. */
  subprotocol?: string | undefined;
  path?: string;
  headers?: Record<string, string>;
};

const PROTOCOL = 'graphql-transport-ws';

export async function openFrames(url: string, handshake: Handshake = {}): Promise<FrameClient> {
  const { hostname, port } = new URL(url);
  const connection = connect(Number(port), hostname);
  connection.on('error', () => {});
  const ended = new Promise((resolve) => connection.once('close', resolve));
  const incoming = createReader(connection);
  await once(connection, 'connect');
  connection.write(upgradeRequest(hostname, handshake));
  const head = (await incoming.until('\r\n\r\n')).toLowerCase();

  const nextFrame = () => incoming.take(decodeFrame);
  const frame = (opcode: number, options?: FrameOptions) =>
    void connection.write(encodeFrame(opcode, options));
  async function next() {
    for (;;) {
      const { opcode, payload } = await nextFrame();
      if (opcode === OPCODES.text) return JSON.parse(String(payload));
      if (opcode === OPCODES.close) throw new Error(`the socket closed with ${payload.readUInt16BE(0)}`);
    }
  }
  async function closed() {
    for (;;) {
      const { opcode, payload } = await nextFrame();
      if (opcode !== OPCODES.close) continue;
      return {
        code: payload.length < 2 ? 1005 : payload.readUInt16BE(0),
        reason: String(payload.subarray(2)),
      };
    }
  }
  return {
    connection,
    head,
    status: Number(head.split(' ')[1]),
    body: async () => {
      await ended;
      return incoming.rest();
    },
    frame,
    send: (message) =>
      frame(OPCODES.text, { payload: typeof message === 'string' ? message : JSON.stringify(message) }),
    nextFrame,
    next,
    closed,
    ended,
    answerClose: (code) => frame(OPCODES.close, { payload: Buffer.of(code >> 8, code & 0xff) }),
    destroy: () => connection.destroy(),
  };
}

/** Open, and acknowledged with that payload of connection_init. */
export async function openAcknowledged(url: string, payload: object = {}): Promise<FrameClient> {
  const client = await openFrames(url);
  client.send({ type: 'connection_init', payload });
  const { type } = await client.next();
  if (type !== 'connection_ack') throw new Error(`instead of connection_ack came ${type}`);
  return client;
}

function upgradeRequest(host: string, { path = '/graphql', headers = {}, ...given }: Handshake): string {
  const subprotocol = 'subprotocol' in given ? given.subprotocol : PROTOCOL;
  const all = {
    Host: host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...(subprotocol !== undefined && { 'Sec-WebSocket-Protocol': subprotocol }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

/** What has come in and was not taken yet, and whoever waits for more. */
function createReader(connection: Socket) {
  let bytes = Buffer.alloc(0);
  let hasEnded = false;
  let wake = () => {};
  connection.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  connection.once('close', () => {
    hasEnded = true;
    wake();
  });

  async function take<T>(read: (bytes: Buffer) => { frame: T; rest: Buffer } | undefined): Promise<T> {
    for (;;) {
      const found = read(bytes);
      if (found) {
        bytes = Buffer.from(found.rest);
        return found.frame;
      }
      if (hasEnded) throw new Error('the connection ended before the next frame');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  return {
    take,
    rest: () => String(bytes),
    until: (mark: string) =>
      take((all) => {
        const at = all.indexOf(mark);
        return at < 0
          ? undefined
          : { frame: String(all.subarray(0, at)), rest: all.subarray(at + mark.length) };
      }),
  };
}
