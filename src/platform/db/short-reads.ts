import type { PrismaClient } from '../../generated/prisma/client.ts';
import { codeOf } from '../errors.ts';
import type { PipelineResult } from './pipelined-query.ts';
import { type PlainRead, plainRead, readResult } from './plain-read.ts';
import type { ReadModel } from './read-model.ts';
import { type Operating, scopes } from './scope.ts';
import type { Session } from './session.ts';

/** What a slot has that reads need: its session, the models, and who may use it. */
type Place = {
  models: ReadonlyMap<string, ReadModel>;
  session: Pick<Session, 'run'>;
  /** @throws {ViewerError} where the running code is not that of the operation the place is leased to */
  admit(): Operating;
  admitAlone(): Operating;
};

export type ShortReads = ReturnType<typeof createShortReads>;

/**
 * Reads that are one plain SELECT, sent as that over the place's session instead of through Prisma's query engine.
 */
export function createShortReads(place: Place) {
  const { models } = place;
  let uniques: { count: number; complete: Promise<void> } | undefined;

  /**
   * Lists are looked at before Prisma's extensions are: copying their arguments and the promises around them took as
   * long as making the statement. In a `$transaction([…])` such a call is Prisma's, like any other.
   */
  function withLists(guarded: PrismaClient): PrismaClient {
    const delegates: PropertyDescriptorMap = {};
    for (const [name, model] of models) {
      const property = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
      const delegate: { findMany(args: unknown): PrismaPromise } = Reflect.get(guarded, property);
      const findMany = (args: unknown) => {
        const byPrisma = () => delegate.findMany(args);
        const read = scopes.getStore()?.hold ? undefined : plainRead(model, 'findMany', args);
        if (!read) return byPrisma();
        return lazily(async () => place.admit().track(readPlainly(read, false, byPrisma)), byPrisma);
      };
      delegates[property] = { value: Object.create(delegate, { findMany: { value: findMany } }) };
    }
    return Object.create(guarded, delegates);
  }

  /**
   * Sends a read that is one plain SELECT as that, which takes a third of the CPU time that Prisma takes to plan it, run
   * the plan and make objects of the result. Everything else, and all that belongs to a transaction, is Prisma's.
   */
  function answer(call: Call): Promise<unknown> {
    const { model = '', operation, args, query } = call;
    const known = models.get(model);
    const read = known && !isInTransaction(call) ? plainRead(known, operation, args) : undefined;
    if (!read) return query(args);
    return readPlainly(read, operation === 'findUnique', () => query(args));
  }

  async function readPlainly(
    read: PlainRead,
    isBatched: boolean,
    byPrisma: () => Promise<unknown>,
  ): Promise<unknown> {
    // Prisma makes one statement of all findUnique calls of a tick, which is worth more than a short way for each.
    if (isBatched && !(await isOnlyUnique())) return await byPrisma();
    let result: PipelineResult;
    try {
      result = await place.session.run(read.statement, place.admitAlone().viewer);
    } catch (error) {
      // A value that the column cannot take: Prisma has its own words for that.
      if (codeOf(error)?.startsWith('22')) return await byPrisma();
      throw error;
    }
    const rows = readResult(read, result);
    return rows === undefined ? await byPrisma() : rows;
  }

  /** Resolves at the end of the tick, where Prisma sends its batch. */
  async function isOnlyUnique(): Promise<boolean> {
    uniques ??= {
      count: 0,
      complete: new Promise<void>((resolve) => process.nextTick(resolve)).then(() => {
        uniques = undefined;
      }),
    };
    const gathered = uniques;
    gathered.count += 1;
    await gathered.complete;
    return gathered.count === 1;
  }

  return { answer, withLists };
}

function isInTransaction({ __internalParams }: Call): boolean {
  const hold = scopes.getStore()?.hold;
  return __internalParams?.transaction !== undefined || (hold !== undefined && !hold.isOver);
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
