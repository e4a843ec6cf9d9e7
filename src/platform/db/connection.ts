import { Client, DatabaseError } from 'pg';
import type { Logger } from '../logger.ts';
import { ConnectionLostError } from './driver-errors.ts';
import { PipelinedQuery, type PipelineResult, type Step } from './pipelined-query.ts';
import { StatementCache } from './statement-cache.ts';
import type { WireValue } from './wire-values.ts';

export type ConnectionOptions = { url: string; statementTimeoutMs: number; log: Logger };

/** A statement's text, with $1, $2, …, and what they stand for. */
export type Statement = { text: string; values: readonly WireValue[] };

/**
 * What values are read and written in, whatever the database's own defaults. Not part of the startup message, where
 * connection poolers refuse settings.
 */
const SETTINGS = `select set_config('statement_timeout', $1, false), set_config('TimeZone', 'UTC', false),
  set_config('DateStyle', 'ISO', false), set_config('bytea_output', 'hex', false), pg_backend_pid() as pid`;

const CONNECT_TIMEOUT_MS = 10_000;
/** A column has changed its type, or a pooler has reset the session: the statement must be prepared anew. */
const STALE = new Set(['0A000', '26000']);

/** An open connection to Postgres that runs one pipeline at a time. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  readonly #pid: number;
  readonly #statements = new StatementCache();
  #isOpen = true;
  /** Reports a failed pipeline, once the server is ready for the next or the connection has ended. */
  #fail: (() => void) | undefined;

  private constructor(options: ConnectionOptions, client: Client, pid: number) {
    this.#options = options;
    this.#client = client;
    this.#pid = pid;
    client.on('drain', () => this.#reportFailure());
    client.on('end', () => this.#lose());
    client.on('error', () => this.#lose());
  }

  /** @throws the driver's error where the database cannot be reached or refuses the login */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const client = newClient(options);
    // Until somebody listens, a connection that breaks would end the process.
    client.on('error', (error) => options.log.warn({ err: error }, 'lost a database connection'));
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>(SETTINGS, [String(options.statementTimeoutMs)]);
      return new Connection(options, client, rows[0]?.pid ?? 0);
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
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
        if ('result' in outcome) return resolve(outcome.result);
        const { error } = outcome;
        this.#forgetUncertain(steps, error);
        this.#fail = () => reject(error instanceof DatabaseError ? error : new ConnectionLostError(error));
        if (!this.#isOpen) this.#reportFailure();
      });
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
    const client = newClient(this.#options);
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('select pg_cancel_backend($1)', [this.#pid]);
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        'could not cancel a statement, so its connection is thrown away',
      );
      await this.end();
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** Closes the connection, at once where a statement runs. */
  async end(): Promise<void> {
    await this.#client.end();
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
    this.#fail?.();
    this.#fail = undefined;
  }

  #lose(): void {
    this.#isOpen = false;
    this.#reportFailure();
  }
}

function newClient({ url }: ConnectionOptions): Client {
  return new Client({
    connectionString: url,
    application_name: 'runcast api',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
}
