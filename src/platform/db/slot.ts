import { PrismaClient } from '../../generated/prisma/client.ts';
import { codeOf } from '../errors.ts';
import { createAdapterFactory } from './adapter.ts';
import type { ConnectionOptions } from './connection.ts';
import { ViewerError } from './driver-errors.ts';
import type { PipelineResult } from './pipelined-query.ts';
import {
  type PlainRead,
  plainRead,
  type ReadModel,
  type RuntimeModels,
  readModels,
  readResult,
} from './plain-read.ts';
import { type Operating, scopes } from './scope.ts';
import { Session } from './session.ts';

/** Plans that Prisma keeps for one client; its default of 1000 would be some 10 MB for each of K clients. */
const QUERY_PLANS = 200;

/**
 * One of the K places of the pool: a session with the Prisma client that speaks over it, both kept for the process's
 * life, and the operation they are leased to.
 */
export class Slot {
  readonly session: Session;
  readonly prisma: PrismaClient;
  operation: Operating | undefined;
  readonly #models: ReadonlyMap<string, ReadModel>;
  #uniques: { count: number; complete: Promise<void> } | undefined;

  constructor(options: ConnectionOptions) {
    this.session = new Session(options);
    const client = new PrismaClient({
      adapter: createAdapterFactory(this),
      // The others note the call's place in the source, a twentieth of a small read, for messages that quote it.
      errorFormat: 'minimal',
      queryPlanCacheMaxSize: QUERY_PLANS,
      // What bounds a transaction is the statement timeout and the operation that it belongs to.
      transactionOptions: { maxWait: options.statementTimeoutMs, timeout: 2 * options.statementTimeoutMs },
    });
    this.#models = modelsOf(client);
    this.prisma = this.#withShortLists(this.#guarded(client));
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
  #guarded(client: PrismaClient): PrismaClient {
    const extended = client.$extends({
      query: { $allOperations: (call) => this.admit().track(this.#answer(call)) },
    });
    // An extended client has all that a client has but $on, which nobody uses; its type says so in a way of its own.
    return extended as unknown as PrismaClient;
  }

  /**
   * Lists are looked at before Prisma's extensions are: copying their arguments and the promises around them took as
   * long as making the statement. In a `$transaction([…])` such a call is Prisma's, like any other.
   */
  #withShortLists(client: PrismaClient): PrismaClient {
    const delegates: PropertyDescriptorMap = {};
    for (const [name, model] of this.#models) {
      const property = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
      const delegate: { findMany(args: unknown): PrismaPromise } = Reflect.get(client, property);
      const findMany = (args: unknown) => {
        const byPrisma = () => delegate.findMany(args);
        const read = scopes.getStore()?.hold ? undefined : plainRead(model, 'findMany', args);
        if (!read) return byPrisma();
        return lazily(async () => this.admit().track(this.#readPlainly(read, false, byPrisma)), byPrisma);
      };
      delegates[property] = { value: Object.create(delegate, { findMany: { value: findMany } }) };
    }
    return Object.create(client, delegates);
  }

  /**
   * Sends a read that is one plain SELECT as that, which takes a third of the CPU time that Prisma takes to plan it, run
   * the plan and make objects of the result. Everything else, and all that belongs to a transaction, is Prisma's.
   */
  #answer(call: Call): Promise<unknown> {
    const { model = '', operation, args, query } = call;
    const known = this.#models.get(model);
    const read = known && !this.#isInTransaction(call) ? plainRead(known, operation, args) : undefined;
    if (!read) return query(args);
    return this.#readPlainly(read, operation === 'findUnique', () => query(args));
  }

  async #readPlainly(
    read: PlainRead,
    isBatched: boolean,
    byPrisma: () => Promise<unknown>,
  ): Promise<unknown> {
    // Prisma makes one statement of all findUnique calls of a tick, which is worth more than a short way for each.
    if (isBatched && !(await this.#isOnlyUnique())) return await byPrisma();
    let result: PipelineResult;
    try {
      result = await this.session.run(read.statement, this.admitAlone().viewer);
    } catch (error) {
      // A value that the column cannot take: Prisma has its own words for that.
      if (codeOf(error)?.startsWith('22')) return await byPrisma();
      throw error;
    }
    const rows = readResult(read, result);
    return rows === undefined ? await byPrisma() : rows;
  }

  /** Resolves at the end of the tick, where Prisma sends its batch. */
  async #isOnlyUnique(): Promise<boolean> {
    this.#uniques ??= {
      count: 0,
      complete: new Promise<void>((resolve) => process.nextTick(resolve)).then(() => {
        this.#uniques = undefined;
      }),
    };
    const uniques = this.#uniques;
    uniques.count += 1;
    await uniques.complete;
    return uniques.count === 1;
  }

  #isInTransaction({ __internalParams }: Call): boolean {
    const hold = scopes.getStore()?.hold;
    return __internalParams?.transaction !== undefined || (hold !== undefined && !hold.isOver);
  }
}

/** What all calls of a Prisma client return: sent when it is first awaited, or as a part of a batch. */
type PrismaPromise = Promise<unknown> & { requestTransaction?(batch: unknown): PromiseLike<unknown> };

function lazily(send: () => Promise<unknown>, byPrisma: () => PrismaPromise): PrismaPromise {
  let sent: Promise<unknown> | undefined;
  const settled = () => {
    sent ??= send();
    return sent;
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: a promise of Prisma's is one that begins when it is awaited.
    then: (onValue, onError) => settled().then(onValue, onError),
    catch: (onError) => settled().catch(onError),
    finally: (onEnd) => settled().finally(onEnd),
    requestTransaction: (batch) => byPrisma().requestTransaction?.(batch) ?? settled(),
    [Symbol.toStringTag]: 'PrismaPromise',
  };
}

/** What Prisma tells an extension about a call; its types leave out the transaction that the call is a part of. */
type Call = {
  model?: string;
  operation: string;
  args: unknown;
  query: (args: unknown) => Promise<unknown>;
  __internalParams?: { transaction?: object };
};

/** Prisma's own knowledge of tables and columns, which its types do not show. */
function modelsOf(client: PrismaClient): ReadonlyMap<string, ReadModel> {
  const { models }: { models: RuntimeModels } = Reflect.get(client, '_runtimeDataModel');
  return readModels(models);
}
