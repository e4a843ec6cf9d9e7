import type { PrismaClient } from '../../generated/prisma/client.ts';
import type { ClaimsSetting } from './claims.ts';
import type { Statement } from './connection.ts';
import { ViewerError } from './driver-errors.ts';
import { createRows, type Rows } from './rows.ts';
import { type Operating, scopes } from './scope.ts';
import type { Slot } from './slot.ts';
import { createSql, type Sql } from './sql.ts';

/** The Prisma client within a transaction: without the calls that open connections or transactions. */
export type TransactionClient = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0];

export type ViewerConnection = { prisma: PrismaClient; sql: Sql; rows: Rows };

/** A client of the pool, lent to one operation under its claims. */
export type Lease = ViewerConnection & {
  /** Runs work on the operation's behalf. Queries of this lease sent from anywhere else are refused. */
  run<T>(work: () => T): T;
  /**
   * One transaction for Prisma and hand-written SQL together: committed when `work` resolves, rolled back when it
   * rejects, when the operation is released or aborted, or after twice the statement timeout.
   *
   * @throws what `work` throws; {ViewerError} TRANSACTION_OVER where `work` went on after a statement had failed
   */
  transaction<T>(work: (tx: { prisma: TransactionClient; sql: Sql }) => Promise<T>): Promise<T>;
  /**
   * Marks the operation as over; further calls do nothing. Its later queries are refused, its open transaction is
   * rolled back, and the client goes to the next operation only once nothing of this one is in flight.
   */
  release(): void;
};

/** One operation's hold on a slot, from the lease to the moment nothing of it is in flight. */
export class Operation implements Lease, Operating {
  readonly viewer: ClaimsSetting;
  readonly sql: Sql;
  readonly rows: Rows;
  readonly #slot: Slot;
  readonly #giveBack: () => void;
  readonly #signal: AbortSignal | undefined;
  #isReleased = false;
  #cancelled: ViewerError | undefined;
  #inFlight = 0;

  /**
   * @param giveBack called once, when the operation is released and nothing of it is in flight
   * @param signal aborted: what runs is cancelled in Postgres and everything else refused
   */
  constructor(slot: Slot, viewer: ClaimsSetting, giveBack: () => void, signal?: AbortSignal) {
    this.#slot = slot;
    this.viewer = viewer;
    this.#giveBack = giveBack;
    this.#signal = signal;
    const run = async (statement: Statement) => slot.session.run(statement, slot.admitAlone().viewer);
    this.sql = createSql(run, slot.sendHint);
    this.rows = createRows(slot.models, run);
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Made when it is asked for: capturing a stack for every operation that ends well cost 2 % of the CPU time. */
  get refusal(): ViewerError | undefined {
    if (this.#cancelled || !this.#isReleased) return this.#cancelled;
    return new ViewerError('VIEWER_GONE', 'The operation that sent this query is over.');
  }

  get prisma(): PrismaClient {
    return this.#slot.prisma;
  }

  run<T>(work: () => T): T {
    return scopes.run({ operation: this }, () => begun(work()));
  }

  async transaction<T>(work: (tx: { prisma: TransactionClient; sql: Sql }) => Promise<T>): Promise<T> {
    const { session, sendHint } = this.#slot;
    const hints: string[] = [];
    const result = await this.prisma.$transaction(async (prisma) => {
      const hold = session.openHold;
      if (!hold) throw new ViewerError('TRANSACTION_OVER', 'The transaction is over.');
      const run = async (statement: Statement) => {
        this.#slot.admit();
        return await session.runIn(hold, statement);
      };
      const sql = createSql(run, sendHint && ((hint) => void hints.push(hint)));
      return await scopes.run({ operation: this, hold }, async () => await work({ prisma, sql }));
    });
    for (const hint of hints) sendHint?.(hint);
    return result;
  }

  /** Counts a call of Prisma's as in flight from when it is made, which is before its first statement. */
  async track<T>(call: Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await call;
    } finally {
      this.#inFlight -= 1;
      if (this.#isReleased) this.#giveBackWhenIdle();
    }
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    const { session } = this.#slot;
    if (!session.isIdle) session.abandon(new ViewerError('VIEWER_GONE', 'The operation is over.'));
    this.#giveBackWhenIdle();
  }

  readonly #abort = () => {
    this.#cancelled = new ViewerError('CANCELLED', 'The operation was cancelled.');
    this.#slot.session.cancel(this.#cancelled);
  };

  #giveBackWhenIdle(): void {
    if (this.#inFlight > 0) return;
    this.#slot.session.whenIdle(() => {
      if (this.#slot.operation !== this) return;
      this.#slot.operation = undefined;
      this.#giveBack();
    });
  }
}

/**
 * Prisma sends a query when it is first awaited, which for one that is returned as it is would be outside of the
 * viewer: it is begun here, and whoever awaits it later gets the same answer.
 */
function begun<T>(result: T): T {
  if (result instanceof Object && Reflect.get(result, Symbol.toStringTag) === 'PrismaPromise') {
    Promise.resolve(result).catch(() => {});
  }
  return result;
}
