import { PrismaClient } from '../../generated/prisma/client.ts';
import type { SendHint } from '../live/hint-source.ts';
import { createAdapterFactory } from './adapter.ts';
import type { ConnectionOptions } from './connection.ts';
import { ViewerError } from './driver-errors.ts';
import { modelsOf, type ReadModel } from './read-model.ts';
import { type Operating, scopes } from './scope.ts';
import { Session } from './session.ts';
import { createShortReads, type ShortReads } from './short-reads.ts';

/** Plans that Prisma keeps for one client; its default of 1000 would be some 10 MB for each of K clients. */
const QUERY_PLANS = 200;

/**
 * One of the K places of the pool: a session with the Prisma client that speaks over it, both kept for the process's
 * life, and the operation they are leased to.
 */
export class Slot {
  readonly session: Session;
  readonly prisma: PrismaClient;
  readonly models: ReadonlyMap<string, ReadModel>;
  readonly sendHint: SendHint | undefined;
  operation: Operating | undefined;

  constructor(options: ConnectionOptions) {
    this.session = new Session(options);
    this.sendHint = options.sendHint;
    const client = new PrismaClient({
      adapter: createAdapterFactory(this),
      // The others note the call's place in the source, a twentieth of a small read, for messages that quote it.
      errorFormat: 'minimal',
      queryPlanCacheMaxSize: QUERY_PLANS,
      // What bounds a transaction is the statement timeout and the operation that it belongs to.
      transactionOptions: { maxWait: options.statementTimeoutMs, timeout: 2 * options.statementTimeoutMs },
    });
    this.models = modelsOf(client);
    const reads = createShortReads(this);
    this.prisma = reads.withLists(this.#guarded(client, reads));
  }

  /**
   * The operation that the running code belongs to.
   *
   * @throws {ViewerError} where it belongs to none, or to one that is over or does not have this slot
   */
  admit(): Operating {
    const scope = scopes.getStore();
    if (!scope) {
      throw new ViewerError('NO_VIEWER', 'A query needs a viewer: send it within withViewer or lease.run.');
    }
    const { operation } = scope;
    if (operation.refusal) throw operation.refusal;
    if (operation !== this.operation) {
      throw new ViewerError(
        'VIEWER_GONE',
        'A query used the client of an operation that it does not belong to.',
      );
    }
    return operation;
  }

  /** As `admit`, for what does not run in the transaction that the code may be the body of: it would wait for itself. */
  admitAlone(): Operating {
    const operation = this.admit();
    const hold = scopes.getStore()?.hold;
    if (hold && !hold.isOver) {
      throw new ViewerError(
        'IN_TRANSACTION',
        "Within a transaction use the transaction's own prisma and sql.",
      );
    }
    return operation;
  }

  async close(): Promise<void> {
    await this.session.close();
    await this.prisma.$disconnect();
  }

  /**
   * Checks every call when it is made, besides the adapter's check of every statement: Prisma gathers the findUnique
   * calls of one tick and sends them in the context of the first, so a forgotten resolver's call would otherwise ride
   * along with the next operation's, under its claims.
   */
  #guarded(client: PrismaClient, reads: ShortReads): PrismaClient {
    const extended = client.$extends({
      query: { $allOperations: (call) => this.admit().track(reads.answer(call)) },
    });
    // An extended client has all that a client has but $on, which nobody uses; its type says so in a way of its own.
    return extended as unknown as PrismaClient;
  }
}
