import { type Client, DatabaseError, type QueryResult } from 'pg';
import { codeOf } from '../errors.ts';
import type { SendHint } from '../live/hint-source.ts';
import type { Logger } from '../logger.ts';
import { ConnectionLostError } from './driver-errors.ts';
import { PipelinedQuery, type PipelineResult, type Step } from './pipelined-query.ts';
import { StatementCache } from './statement-cache.ts';
import { endWire, newWire, type Wire, withinTime } from './wire.ts';
import type { WireValue } from './wire-values.ts';

export type ConnectionOptions = {
  url: string;
  statementTimeoutMs: number;
  /** Who sends the hints of what is written over it; default: the database. */
  sendHint?: SendHint;
  /** As a ViewerDatabase's. */
  findsByIndex?: boolean;
  log: Logger;
};

/** A statement's text, with $1, $2, …, and what they stand for. */
export type Statement = { text: string; values: readonly WireValue[] };

/**
 * What values are read and written in, whatever the database's own defaults. Not part of the startup message, where
 * connection poolers refuse settings.
 */
const SETTINGS = `select set_config('statement_timeout', $1, false), set_config('TimeZone', 'UTC', false),
  set_config('DateStyle', 'ISO', false), set_config('bytea_output', 'hex', false),
  set_config('runcast.hints', $2, false),
  set_config('enable_seqscan', coalesce($3, current_setting('enable_seqscan')), false), pg_backend_pid() as pid`;

/** As long as a statement may take, but within these bounds: a login to another continent has seven round trips. */
const SHORTEST_CONNECT_MS = 3_000;
const LONGEST_CONNECT_MS = 10_000;
/**
 * Postgres ends a statement at its timeout, or when it is cancelled, and says so. Where that takes so much longer the
 * answer is lost, although nobody has told that the connection is.
 */
const ANSWER_MARGIN_MS = 1_500;
/** Whether a backend works on a statement: one that waits for the next has answered the last. */
const IS_AT_WORK = "select 1 from pg_stat_activity where pid = $1 and state = 'active'";
/** A column has changed its type, or a pooler has reset the session: the statement must be prepared anew. */
const STALE = new Set(['0A000', '26000']);

const APPLICATION_NAME = 'runcast api';

/** An open connection to Postgres that runs one pipeline at a time. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #wire: Wire;
  readonly #client: Client;
  readonly #pid: number;
  readonly #statements = new StatementCache();
  /** Started anew with each pipeline: setting a timer for each would cost more than leaving this one to run out. */
  readonly #overdue: NodeJS.Timeout;
  #isOpen = true;
  #isSuspect = false;
  /** The pipeline that runs, if one does. */
  #running: PipelinedQuery | undefined;
  /** Reports a failed pipeline, once the server is ready for the next or the connection has ended. */
  #fail: (() => void) | undefined;

  private constructor(options: ConnectionOptions, wire: Wire, pid: number) {
    const { client } = wire;
    this.#options = options;
    this.#wire = wire;
    this.#client = client;
    this.#pid = pid;
    const answerMs = options.statementTimeoutMs + ANSWER_MARGIN_MS;
    this.#overdue = setTimeout(() => this.#giveUp(this.#running), answerMs);
    this.#overdue.unref();
    client.on('drain', () => this.#reportFailure());
    client.on('end', () => this.#lose());
    client.on('error', () => this.#lose());
  }

  /** @throws the driver's error where the database cannot be reached or refuses the login; {ConnectionLostError} */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const wire = newWire(options.url, APPLICATION_NAME);
    // Until somebody listens, a connection that breaks would end the process.
    wire.client.on('error', (error) => options.log.warn({ err: error }, 'lost a database connection'));
    return await withinTime(wire, connectMs(options), async (client) => {
      await client.connect();
      const { statementTimeoutMs, sendHint, findsByIndex } = options;
      const values = [String(statementTimeoutMs), sendHint ? 'off' : 'on', findsByIndex ? 'off' : null];
      const { rows } = await client.query<{ pid: number }>(SETTINGS, values);
      return new Connection(options, wire, rows[0]?.pid ?? 0);
    }).catch((error) => {
      // The driver has no code for a connection that ends while it is opened, and several sentences.
      throw codeOf(error) === undefined ? new ConnectionLostError(error) : error;
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether it has to give a sign of life before it is used again. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** Whether a transaction is open, also one that has failed and only awaits its rollback. */
  get isInTransaction(): boolean {
    return this.#client.getTransactionStatus() !== 'I';
  }

  /**
   * Runs statements in one write and resolves with the last one's result. After a failure the server is ready again by
   * the time this rejects.
   *
   * @throws {DatabaseError} as Postgres reports it; {ConnectionLostError} where the connection ended
   */
  run(statements: readonly [Statement, ...Statement[]]): Promise<PipelineResult> {
    const [first, ...others] = statements;
    const steps: [Step, ...Step[]] = [this.#step(first), ...others.map((other) => this.#step(other))];
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) return reject(new ConnectionLostError());
      const query = new PipelinedQuery(steps, this.#statements.takeClosable(), (outcome) => {
        if ('result' in outcome) {
          this.#running = undefined;
          return resolve(outcome.result);
        }
        const { error } = outcome;
        this.#forgetUncertain(steps, error);
        this.#fail = () => reject(error instanceof DatabaseError ? error : new ConnectionLostError(error));
        if (!this.#isOpen) this.#reportFailure();
      });
      this.#running = query;
      this.#overdue.refresh();
      this.#client.query(query);
    });
  }

  /** Whether the same statement may succeed when it is simply sent again, outside of a transaction. */
  static isStale(error: unknown): boolean {
    return error instanceof DatabaseError && STALE.has(error.code ?? '');
  }

  /**
   * Has Postgres cancel what runs, over a connection of its own: unlike the protocol's cancel request that works through
   * TLS and poolers. Resolves once the signal was sent, so it can no more hit a statement that is sent later.
   */
  async cancel(): Promise<void> {
    try {
      await this.#askElsewhere('select pg_cancel_backend($1)');
      this.#expectAnswer(this.#running);
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        'could not cancel a statement, so its connection is thrown away',
      );
      await this.end();
    }
  }

  /**
   * To be called where another connection to the same server was lost: this one may be dead without a word. What runs is
   * given up where Postgres says, over a new connection, that it does not work on it.
   */
  suspect(): void {
    this.#isSuspect = true;
    const query = this.#running;
    if (query) setTimeout(() => void this.#examine(query), ANSWER_MARGIN_MS).unref();
  }

  /** Clears the suspicion by a sign of life; without one the connection is thrown away. */
  async prove(): Promise<void> {
    this.#isSuspect = false;
    const proof = this.run([{ text: 'select', values: [] }]);
    this.#expectAnswer(this.#running);
    await proof.catch(() => {});
  }

  /** Closes the connection, at once where a statement runs. */
  async end(): Promise<void> {
    clearTimeout(this.#overdue);
    await endWire(this.#wire);
  }

  #step({ text, values }: Statement): Step {
    return { statement: this.#statements.use(text), values };
  }

  #forgetUncertain(steps: readonly Step[], error: Error): void {
    const isStale = Connection.isStale(error);
    for (const { statement } of steps) {
      if (!statement.prepared || isStale) this.#statements.forget(statement);
    }
  }

  #reportFailure(): void {
    if (!this.#fail) return;
    this.#running = undefined;
    this.#fail();
    this.#fail = undefined;
  }

  #lose(): void {
    this.#isOpen = false;
    this.#reportFailure();
  }

  async #examine(query: PipelinedQuery): Promise<void> {
    if (query !== this.#running) return;
    // Where Postgres does not answer at all, whoever waits for it tries again or runs out of time.
    const working = await this.#askElsewhere(IS_AT_WORK).catch(() => undefined);
    if (working?.rowCount === 0) this.#giveUp(query);
  }

  /** Over a connection of its own. @param text a query whose $1 is this connection's backend */
  async #askElsewhere(text: string): Promise<QueryResult> {
    const wire = newWire(this.#options.url, APPLICATION_NAME);
    wire.client.on('error', () => {});
    try {
      return await withinTime(wire, connectMs(this.#options), async (client) => {
        await client.connect();
        return await client.query(text, [this.#pid]);
      });
    } finally {
      await endWire(wire);
    }
  }

  #expectAnswer(query: PipelinedQuery | undefined): void {
    if (query) setTimeout(() => this.#giveUp(query), ANSWER_MARGIN_MS).unref();
  }

  /** A process that was busy itself reads what has come in meanwhile before it judges. */
  #giveUp(query: PipelinedQuery | undefined): void {
    setImmediate(() => {
      if (!query || query !== this.#running) return;
      this.#options.log.warn('a statement was not answered in time, so its connection is thrown away');
      this.#wire.socket.destroy();
    });
  }
}

function connectMs({ statementTimeoutMs }: ConnectionOptions): number {
  return Math.min(Math.max(statementTimeoutMs, SHORTEST_CONNECT_MS), LONGEST_CONNECT_MS);
}
