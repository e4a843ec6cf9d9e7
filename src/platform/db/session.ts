import { type ClaimsSetting, SET_VIEWER } from './claims.ts';
import { Connection, type ConnectionOptions, type Statement } from './connection.ts';
import { ConnectionLostError, ViewerError } from './driver-errors.ts';
import type { PipelineResult } from './pipelined-query.ts';

/** A transaction that the session is held for: it serves nothing else until the transaction ends. */
export type Hold = {
  readonly viewer: ClaimsSetting;
  /** Sent in front of the first statement, e.g. `begin isolation level serializable`. */
  readonly begin: string;
  /** The connection it began on, once it has: on another one its statements would run outside of it. */
  connection?: Connection;
  isOver?: true;
};

type Waiting = { hold?: Hold; serve: () => Promise<void>; refuse: (reason: Error) => void };

/**
 * What one operation at a time has of Postgres: a connection, opened when first needed and again after it broke, on
 * which statements run one after another, each in one write that begins with its viewer's role and claims. There is no
 * way to run one without a viewer.
 */
export class Session {
  readonly #options: ConnectionOptions;
  #connection: Connection | undefined;
  #queue: Waiting[] = [];
  #hold: Hold | undefined;
  #isBusy = false;
  #cancelling: Promise<void> | undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Whether nothing runs, waits or is open. */
  get isIdle(): boolean {
    return !this.#isBusy && !this.#hold && !this.#cancelling && this.#queue.length === 0;
  }

  get openHold(): Hold | undefined {
    return this.#hold;
  }

  /** Calls back once, when the session is idle; at once where it is. */
  whenIdle(listener: () => void): void {
    if (this.isIdle) listener();
    else this.#onIdle.push(listener);
  }

  /** Runs a statement as a transaction of its own, after those that were asked for before. */
  run(statement: Statement, viewer: ClaimsSetting): Promise<PipelineResult> {
    return this.#enqueue(() => this.#runAlone(statement, viewer));
  }

  /** Waits until the session serves nobody else and holds it for a transaction. Nothing is sent yet. */
  async begin(begin: string, viewer: ClaimsSetting): Promise<Hold> {
    const hold: Hold = { begin, viewer };
    await this.#enqueue(async () => {
      this.#hold = hold;
    });
    return hold;
  }

  /** Runs a statement of a transaction; BEGIN, role and claims ride in front of its first one. */
  runIn(hold: Hold, statement: Statement): Promise<PipelineResult> {
    if (hold.isOver) return Promise.reject(new ViewerError('TRANSACTION_OVER', 'The transaction is over.'));
    return this.#enqueue(async () => {
      if (hold.connection) return await this.#onOwn(hold.connection, [statement]);
      hold.connection = await this.#connected();
      return await this.#onOwn(hold.connection, [
        { text: hold.begin, values: [] },
        setViewer(hold.viewer),
        statement,
      ]);
    }, hold);
  }

  /**
   * Ends a transaction, once; later calls do nothing.
   *
   * @throws {ViewerError} TRANSACTION_OVER where Postgres rolled back instead, because a statement in it had failed
   */
  async finish(hold: Hold, how: 'commit' | 'rollback'): Promise<void> {
    if (hold.isOver) return;
    const { connection } = hold;
    const ended = connection && this.runIn(hold, { text: how, values: [] });
    hold.isOver = true;
    try {
      const result = await ended;
      if (how === 'commit' && result?.command === 'ROLLBACK') {
        throw new ViewerError(
          'TRANSACTION_OVER',
          'The transaction was rolled back: a statement in it had failed.',
        );
      }
    } finally {
      this.#hold = undefined;
      this.#discardUnlessClean();
      this.#pump();
    }
  }

  /** Refuses what waits and rolls an open transaction back. What runs may end. */
  abandon(reason: Error): void {
    for (const waiting of this.#queue.splice(0)) waiting.refuse(reason);
    if (this.#hold) this.finish(this.#hold, 'rollback').catch(() => {});
    this.#pump();
  }

  /** As `abandon`, and has Postgres cancel what runs. */
  cancel(reason: Error): void {
    if (this.#isBusy && this.#connection && !this.#cancelling) {
      this.#cancelling = this.#connection.cancel().finally(() => {
        this.#cancelling = undefined;
        this.#pump();
      });
    }
    this.abandon(reason);
  }

  /** The connection may be dead without a word: see Connection. */
  suspect(): void {
    this.#connection?.suspect();
  }

  async close(): Promise<void> {
    for (const waiting of this.#queue.splice(0)) {
      waiting.refuse(new ViewerError('CLOSED', 'The connection pool is closed.'));
    }
    await this.#connection?.end();
  }

  #enqueue<T>(work: () => Promise<T>, hold?: Hold): Promise<T> {
    return new Promise((resolve, reject) => {
      const serve = () => work().then(resolve, reject);
      this.#queue.push({ serve, refuse: reject, ...(hold && { hold }) });
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isBusy || this.#cancelling) return;
    const at = this.#hold ? this.#queue.findIndex(({ hold }) => hold === this.#hold) : 0;
    const [next] = at < 0 ? [] : this.#queue.splice(at, 1);
    if (!next) {
      if (this.isIdle) for (const listener of this.#onIdle.splice(0)) listener();
      return;
    }
    this.#isBusy = true;
    void next.serve().then(() => {
      this.#isBusy = false;
      this.#pump();
    });
  }

  async #runAlone(statement: Statement, viewer: ClaimsSetting): Promise<PipelineResult> {
    const pipeline: [Statement, Statement] = [setViewer(viewer), statement];
    try {
      return await (await this.#connected()).run(pipeline);
    } catch (error) {
      // Nothing of it took effect, so it can be sent again: migrating under a running program is normal.
      if (Connection.isStale(error)) return await (await this.#connected()).run(pipeline);
      throw error;
    } finally {
      this.#discardUnlessClean();
    }
  }

  async #onOwn(connection: Connection, pipeline: [Statement, ...Statement[]]): Promise<PipelineResult> {
    if (connection.isSuspect) await connection.prove();
    if (!connection.isOpen) throw new ConnectionLostError();
    return await connection.run(pipeline);
  }

  async #connected(): Promise<Connection> {
    if (this.#connection?.isSuspect) await this.#connection.prove();
    if (!this.#connection?.isOpen) this.#connection = await Connection.open(this.#options);
    return this.#connection;
  }

  /** A statement that was itself a BEGIN, say, must not leave its viewer's transaction to the next one. */
  #discardUnlessClean(): void {
    const connection = this.#connection;
    if (!connection || this.#hold || (connection.isOpen && !connection.isInTransaction)) return;
    this.#connection = undefined;
    this.#options.log.warn('throwing away a database connection that broke or was left in a transaction');
    connection.end().catch(() => {});
  }
}

function setViewer(viewer: ClaimsSetting): Statement {
  return { text: SET_VIEWER, values: viewer };
}
