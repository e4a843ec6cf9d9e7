import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

/** A connection that is being opened, or open. */
export type Connection = {
  /** Resolves when it can be used. */
  opened: Promise<unknown>;
  /** Asks the other side for a sign of life. */
  probe(): Promise<unknown>;
  /** Says goodbye and waits for nothing. */
  close(): void;
  /** Breaks it off where it stands. */
  destroy(): void;
};

export type KeptConnectionOptions = {
  /** What it is for, for the log. */
  name: string;
  /** @param onLost to be called when the connection breaks; again or later does no harm */
  open(onLost: (error: Error) => void): Connection;
  /** Runs after every (re)connection. */
  onConnect(): void;
  log: Logger;
};

/** First and longest wait before connecting again; doubled each time, spread so that processes do not come at once. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1_000;
/** Enough for the seven round trips of a login over TLS to another continent. */
const OPEN_MS = 3_000;

/**
 * A peer that is gone sends no reset, so it is asked each second and given up without an answer: with the first two waits
 * below that is back within 5 s.
 */
const PROBE_MS = 1_000;
const ANSWER_MS = 1_500;

/** Keeps one connection open, through every loss of it, until it is closed. Losses are logged once an outage. */
export class KeptConnection {
  readonly started: Promise<void>;
  readonly #options: KeptConnectionOptions;
  readonly #onStarted: () => void;
  #connection: Connection | undefined;
  #isConnected = false;
  #isClosed = false;
  #connections = 0;
  #wait = FIRST_WAIT_MS;
  /** When the current outage began, by `performance.now()`; undefined while there is none that was noticed. */
  #outSince: number | undefined;
  /** There is always just one thing to wait for: to connect, to be open, to probe, or to be answered. */
  #timer: NodeJS.Timeout | undefined;
  #grace: NodeJS.Immediate | undefined;

  constructor(options: KeptConnectionOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.started = promise;
    this.#onStarted = resolve;
    this.#options = options;
    this.#open();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get reconnections(): number {
    return Math.max(0, this.#connections - 1);
  }

  close(): void {
    this.#isClosed = true;
    this.#rest();
    if (this.#isConnected) this.#connection?.close();
    else this.#connection?.destroy();
    this.#connection = undefined;
    this.#isConnected = false;
  }

  #open(): void {
    const connection = this.#options.open((error) => this.#lose(connection, error));
    this.#connection = connection;
    this.#expect(connection, connection.opened, OPEN_MS, () => this.#begin(connection));
  }

  #begin(connection: Connection): void {
    this.#isConnected = true;
    this.#connections += 1;
    this.#wait = FIRST_WAIT_MS;
    this.#reportBack();
    this.#probeLater(connection);
    this.#onStarted();
    this.#options.onConnect();
  }

  #probeLater(connection: Connection): void {
    this.#after(PROBE_MS, () =>
      this.#expect(connection, connection.probe(), ANSWER_MS, () => this.#probeLater(connection)),
    );
  }

  /** Goes on when the other side has answered; without an answer in time the connection is lost. */
  #expect(connection: Connection, answer: Promise<unknown>, ms: number, goOn: () => void): void {
    const late = new Error(`no answer within ${ms} ms`);
    // A process that was busy itself reads what has come in meanwhile before it judges.
    this.#after(ms, () => {
      this.#grace = setImmediate(() => this.#lose(connection, late));
    });
    answer.then(
      () => {
        if (connection === this.#connection) goOn();
      },
      (error) => this.#lose(connection, error),
    );
  }

  #lose(connection: Connection, error: unknown): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#isConnected = false;
    connection.destroy();
    this.#reportLoss(error);
    this.#after(this.#wait * (0.5 + Math.random() / 2), () => this.#open());
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #reportLoss(error: unknown): void {
    const { name, log } = this.#options;
    const level = this.#outSince === undefined ? 'warn' : 'debug';
    this.#outSince ??= performance.now();
    log[level]({ connection: name, reason: messageOf(error) }, 'a connection is lost; connecting again');
  }

  #reportBack(): void {
    if (this.#outSince === undefined) return;
    const { name, log } = this.#options;
    const outMs = Math.round(performance.now() - this.#outSince);
    this.#outSince = undefined;
    log.info({ connection: name, outMs, reconnections: this.reconnections }, 'connected again');
  }

  #after(ms: number, work: () => void): void {
    this.#rest();
    if (!this.#isClosed) this.#timer = setTimeout(work, ms);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#grace);
  }
}
