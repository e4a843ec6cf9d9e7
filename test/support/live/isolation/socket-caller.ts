import { schema } from '../../../../src/app/schema.ts';
import type { Data } from '../../api.ts';
import { openProtocolSocket, type ProtocolSocket, type ServerMessage } from '../protocol-socket.ts';
import { within } from '../within.ts';
import type { Caller } from './caller.ts';
import type { Checker } from './checker.ts';
import type { Subscription } from './subscription.ts';
import type { Viewer } from './world.ts';

export type SocketCallerOptions = {
  viewer: Viewer;
  url: string;
  token: () => Promise<string>;
  checker: Checker;
};

const PATIENCE_MS = 20_000;
const FORBIDDEN = 4403;
const RENEW = 'mutation ($token: String!) { renewToken(token: $token) { __typename } }';

export type Renewal = 'ping' | 'mutation';

/** The ways to renew a token that this server has. */
export const RENEWALS: readonly Renewal[] =
  schema.getMutationType()?.getFields().renewToken === undefined ? ['ping'] : ['ping', 'mutation'];

/** A viewer's WebSocket. Every one calls its operations op-1, op-2, …: the same name is another thing on each of them. */
export class SocketCaller implements Caller {
  readonly viewer: Viewer;
  readonly #options: SocketCallerOptions;
  #connection: Connection | undefined;

  constructor(options: SocketCallerOptions) {
    this.viewer = options.viewer;
    this.#options = options;
  }

  going(): Subscription[] {
    return this.#connection?.going() ?? [];
  }

  async subscribe(subscription: Subscription): Promise<void> {
    const connection = await this.#connected();
    connection.subscribe(subscription);
    await connection.roundTrip();
  }

  async complete(subscription: Subscription): Promise<void> {
    const connection = await this.#connected();
    connection.complete(subscription);
    await connection.roundTrip();
  }

  drop(): void {
    this.#connection?.drop();
    // Its close comes later: whoever is next would still write to it.
    this.#connection = undefined;
  }

  /** Asks the server to take another token without a break. @returns what else the server did in other words */
  async renew(token: string, by: Renewal): Promise<'renewed' | 'refused' | string> {
    const connection = await this.#connected();
    const answer = await (by === 'ping' ? connection.roundTrip({ token }) : connection.ask(RENEW, { token }));
    if (connection.closedWith === FORBIDDEN) return 'refused';
    if (connection.closedWith !== undefined) return `closed with ${connection.closedWith}`;
    if (by === 'ping' || answer?.renewToken?.__typename === 'TokenRenewal') return 'renewed';
    return answer?.renewToken ? 'refused' : JSON.stringify(answer);
  }

  async #connected(): Promise<Connection> {
    if (this.#connection === undefined || this.#connection.closedWith !== undefined) {
      this.#connection = new Connection(this.#options, await this.#options.token());
    }
    await within(PATIENCE_MS, 'that a socket was acknowledged', this.#connection.opened);
    return this.#connection;
  }
}

class Connection {
  readonly opened: Promise<void>;
  closedWith: number | undefined;
  readonly #checker: Checker;
  readonly #socket: ProtocolSocket;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #pongs: (() => void)[] = [];
  readonly #answers = new Map<string, (data: Data) => void>();
  readonly #open = Promise.withResolvers<void>();
  #asked = 0;

  constructor({ url, checker }: SocketCallerOptions, token: string) {
    this.#checker = checker;
    this.opened = this.#open.promise;
    this.#socket = openProtocolSocket({
      ...{ url, init: { authorization: `Bearer ${token}` } },
      onMessage: (message) => this.#take(message),
      onClose: (code) => this.#closed(code),
    });
  }

  going(): Subscription[] {
    return [...this.#subscriptions.values()].filter(({ overAt }) => overAt === undefined);
  }

  subscribe(subscription: Subscription): void {
    const id = `op-${this.#subscriptions.size + 1}`;
    this.#subscriptions.set(id, subscription);
    this.#checker.begun(subscription);
    const { query, variables } = subscription;
    this.#socket.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  complete(subscription: Subscription): void {
    for (const [id, own] of this.#subscriptions) {
      if (own === subscription) this.#socket.send({ id, type: 'complete' });
    }
    this.#checker.over(subscription);
  }

  /** Resolves with the server's answer to a ping, or when the socket closes. */
  roundTrip(payload?: object): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.closedWith !== undefined) return Promise.resolve();
    this.#pongs.push(resolve);
    this.#socket.send({ type: 'ping', ...(payload && { payload }) });
    return within(PATIENCE_MS, 'that a ping was answered', promise);
  }

  /** Resolves with the data or the errors of a query's or mutation's answer, or when the socket closes. */
  ask(query: string, variables: object): Promise<Data> {
    const { promise, resolve } = Promise.withResolvers<Data>();
    if (this.closedWith !== undefined) return Promise.resolve();
    this.#asked += 1;
    const id = `ask-${this.#asked}`;
    this.#answers.set(id, resolve);
    this.#socket.send({ id, type: 'subscribe', payload: { query, variables } });
    return within(PATIENCE_MS, 'that a request was answered', promise);
  }

  drop(): void {
    this.#socket.drop();
  }

  #take(message: ServerMessage): void {
    if (message.type === 'connection_ack') this.#open.resolve();
    if (message.type === 'pong') this.#pongs.shift()?.();
    if (!('id' in message)) return;
    const answer = this.#answers.get(message.id);
    if (answer !== undefined) {
      if (message.type !== 'complete')
        answer('data' in message.payload ? message.payload.data : message.payload);
      return;
    }
    const subscription = this.#subscriptions.get(message.id);
    if (subscription === undefined) this.#checker.leak('a message for nobody', JSON.stringify(message));
    else if (message.type === 'next') this.#checker.next(subscription, message.payload);
    else if (message.type === 'error') this.#checker.refused(subscription, message.payload);
    else this.#checker.completed(subscription);
  }

  #closed(code: number): void {
    this.closedWith = code;
    for (const subscription of this.#subscriptions.values()) this.#checker.over(subscription);
    for (const pong of this.#pongs) pong();
    for (const answer of this.#answers.values()) answer(undefined);
    this.#open.resolve();
  }
}
