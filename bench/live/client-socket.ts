import { connect, type Socket } from 'node:net';
import { CLOSE, clientFrame, frameAt, PING, PONG, TEXT } from './frames.ts';

export type SocketOptions = {
  port: number;
  token: string;
  /** The subscribe message, sent once the server has acknowledged the token. */
  subscribe: string;
  /** Runs for each text message after that, whose bytes are its own until it returns. */
  onMessage(bytes: Buffer, start: number, end: number): void;
  /** Runs once, where the socket ends without having been asked to. */
  onLost(reason: string): void;
};

const UPGRADE = [
  'GET /graphql HTTP/1.1',
  'host: 127.0.0.1',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: cnVuY2FzdCBydW5jYXN0IQ==',
  'sec-websocket-protocol: graphql-transport-ws',
  '\r\n',
].join('\r\n');

const NOTHING = Buffer.alloc(0);
/** Code 1000, normal closure. */
const GOODBYE = clientFrame(CLOSE, Buffer.from([0x03, 0xe8]));
/** Sockets are read one after another, so one buffer serves all of them; a buffer for each read kept the client busy. */
const received = Buffer.allocUnsafe(64 * 1024);

/** One graphql-transport-ws connection with one subscription. */
export class ClientSocket {
  readonly #socket: Socket;
  readonly #options: SocketOptions;
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #stage: 'upgrading' | 'greeting' | 'watching' | 'closing' = 'upgrading';
  /** What came of a frame whose end has not come yet. */
  #rest = NOTHING;
  #lostBecause = 'the connection ended';

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#socket = connect({
      port: options.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: received, callback: (length) => this.#read(received.subarray(0, length)) },
    });
    this.#socket.on('connect', () => this.#socket.write(UPGRADE));
    this.#socket.on('error', (error) => {
      this.#lostBecause = error.message;
    });
    this.#socket.once('close', () => this.#end());
  }

  /** Resolves when the subscription is sent; rejects where the server will not have it. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** With the closing handshake, as a page does that is left. */
  close(): Promise<void> {
    this.#stage = 'closing';
    if (!this.#socket.destroyed) this.#socket.write(GOODBYE);
    return this.#closed.promise;
  }

  #end(): void {
    this.#closed.resolve();
    if (this.#stage === 'closing') return;
    const error = new Error(`A socket was closed while ${this.#stage}: ${this.#lostBecause}`);
    if (this.#stage === 'watching') this.#options.onLost(error.message);
    else this.#opened.reject(error);
  }

  #read(chunk: Buffer): boolean {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = this.#stage === 'upgrading' ? this.#upgraded(bytes) : 0;
    while (offset < bytes.length) {
      const frame = frameAt(bytes, offset);
      if (frame === undefined || this.#stage === 'upgrading') break;
      this.#take(bytes, frame.opcode, frame.start, frame.end);
      offset = frame.end;
    }
    this.#rest = offset === bytes.length ? NOTHING : Buffer.from(bytes.subarray(offset));
    return true;
  }

  /** Where the first frame begins, past the response's head; 0 where the head is not there yet. */
  #upgraded(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const head = bytes.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 101')) {
      this.#lostBecause = head;
      this.#socket.destroy();
      return 0;
    }
    this.#stage = 'greeting';
    this.#send({ type: 'connection_init', payload: { authorization: `Bearer ${this.#options.token}` } });
    return end + 4;
  }

  #take(bytes: Buffer, opcode: number, start: number, end: number): void {
    if (opcode === TEXT && this.#stage === 'watching') this.#options.onMessage(bytes, start, end);
    else if (opcode === TEXT) this.#greeted(bytes.toString('utf8', start, end));
    else if (opcode === PING) this.#socket.write(clientFrame(PONG, bytes.subarray(start, end)));
    else if (opcode === CLOSE) {
      this.#lostBecause = `${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, end)}`;
    }
  }

  #greeted(message: string): void {
    if (this.#stage === 'closing' || JSON.parse(message).type !== 'connection_ack') return;
    this.#stage = 'watching';
    this.#socket.write(clientFrame(TEXT, Buffer.from(this.#options.subscribe)));
    this.#opened.resolve();
  }

  #send(message: object): void {
    this.#socket.write(clientFrame(TEXT, Buffer.from(JSON.stringify(message))));
  }
}
