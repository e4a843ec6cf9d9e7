import { isDeepStrictEqual } from 'node:util';
import type { Prisma } from '../../generated/prisma/client.ts';
import {
  ConflictError,
  ExecutionNotEndedError,
  NotFoundError,
  ProviderUnavailableError,
} from '../../graphql/errors.ts';
import { validated } from '../../graphql/validation.ts';
import type { Lease } from '../../platform/db/lease.ts';
import { codeOf } from '../../platform/errors.ts';
import type { EventInput } from '../../platform/feed/events.ts';
import { appendOwnEvents, findStream, requestCancel, startExecution } from '../../platform/feed/feed.ts';
import { assertMayStartIn, feedOf, startRefusal } from '../executions/starting.ts';
import { cancelInput, logLines, progressInput, retryInput, startInput } from './inputs.ts';
import type { TrainingProvider } from './provider.ts';
import type { Providers } from './providers.ts';
import { type Asked, findByIdempotencyKey } from './sql.ts';
import { isTerminal } from './status.ts';
import type { Provider } from './vocabulary.ts';

/** What decides whether a run can be started at all. */
export type Availabilities = Readonly<Record<keyof Providers, Pick<TrainingProvider, 'availability'>>>;

export type TrainingService = ReturnType<typeof createTrainingService>;

const UNIQUE_VIOLATION = '23505';

/**
 * The use cases around training runs, for GraphQL and REST alike. Each acts as the lease's viewer, takes ids as
 * rows have them, and throws ExpectedErrors; somebody else's execution is the same answer as none.
 */
export function createTrainingService({ providers }: { providers: Availabilities }) {
  return {
    /**
     * Starts a run. The row, its stream and its job come into being in one transaction, or nothing does; whatever
     * can be refused is refused before.
     *
     * @param userId whose run it is
     * @param raw checked against `startInput`
     * @returns the id of the execution; of the earlier one where the idempotency key was used for the same before
     */
    async start(db: Lease, userId: string, raw: unknown): Promise<string> {
      const { idempotencyKey, ...input } = validated(startInput, raw, ['input']);
      const asked = {
        ...input,
        tenantId: input.tenantId ?? null,
        callbackUrl: input.callbackUrl ?? null,
        retryOf: null,
      };
      return begin(db, { userId, asked, idempotencyKey: idempotencyKey ?? undefined });
    },

    /** Runs an ended execution again, as a new one that names it. @throws {ExecutionNotEndedError} */
    async retry(db: Lease, userId: string, id: string, raw: unknown): Promise<string> {
      const { idempotencyKey } = validated(retryInput, raw, []);
      const row = await db.prisma.trainingExecution.findUnique({
        where: { id, userId },
        select: {
          publicId: true,
          method: true,
          provider: true,
          callbackUrl: true,
          config: true,
          status: true,
        },
      });
      const stream = await findStream(db.sql, { kind: 'training', id });
      if (row === null || stream === undefined) throw new NotFoundError('training execution', id);
      const { status, ...rest } = row;
      if (!isTerminal(status)) throw new ExecutionNotEndedError(id);
      const { tenantId } = stream;
      return begin(db, {
        userId,
        asked: { ...rest, tenantId, retryOf: id },
        idempotencyKey: idempotencyKey ?? undefined,
      });
    },

    /** Ends a run that waits, at once; asks the worker of one that runs. @throws {ExecutionEndedError} */
    async cancel(db: Lease, id: string, raw: unknown): Promise<void> {
      const { reason } = validated(cancelInput, raw, []);
      await feedOf(
        'training',
        id,
        requestCancel(db.sql, { kind: 'training', id, ...(reason && { reason }) }),
      );
    },

    /** Appends log lines to a run of the caller's. @returns the number of the last event */
    appendLogs(db: Lease, id: string, raw: unknown): Promise<number> {
      const events = validated(logLines, raw, ['lines']).map(
        ({ message, level }): EventInput => ({ type: 'log', payload: { level, message, source: 'client' } }),
      );
      return feedOf('training', id, appendOwnEvents(db.sql, { kind: 'training', id, events }));
    },

    /** Reports progress, and metrics of a step, of a run of the caller's. @returns the number of the last event */
    reportProgress(db: Lease, id: string, raw: unknown): Promise<number> {
      const events = progressEvents(validated(progressInput, raw, ['input']));
      return feedOf('training', id, appendOwnEvents(db.sql, { kind: 'training', id, events }));
    },
  };

  async function begin(
    db: Lease,
    { userId, asked, idempotencyKey }: { userId: string; asked: Asked; idempotencyKey: string | undefined },
  ): Promise<string> {
    const earlier = idempotencyKey && (await earlierRun(db, userId, asked, idempotencyKey));
    if (earlier) return earlier;
    await assertConfigIsUsable(db, userId, asked);
    if (asked.tenantId !== null)
      await assertMayStartIn(db, userId, asked.tenantId, pathOf(asked, 'tenantId'));
    assertIsAvailable(asked);
    try {
      return await insertAndEnqueue(db, userId, asked, idempotencyKey);
    } catch (error) {
      if (idempotencyKey && codeOf(error) === UNIQUE_VIOLATION) {
        // Another call with the same key was faster, and has committed by now; or it was for a tenant that the caller has left.
        const winner = await earlierRun(db, userId, asked, idempotencyKey);
        if (winner) return winner;
        throw keyIsTaken('This idempotency key has started an execution that you may no longer see.', asked);
      }
      throw startRefusal(error);
    }
  }

  function assertIsAvailable(asked: Asked): void {
    const { provider } = asked;
    // The row of a run that somebody else inserted may name any.
    const known = Object.hasOwn(providers, provider) ? providers[provider as Provider] : undefined;
    const answer = known?.availability() ?? { available: false, reason: 'there is no such provider' };
    if (answer.available) return;
    throw new ProviderUnavailableError(provider, answer.reason, { path: pathOf(asked, 'provider') });
  }
}

/** Where a fault of what is asked stands in the caller's arguments: a run that is run again is all its id. */
function pathOf({ retryOf }: Asked, field: string): string[] {
  return retryOf === null ? ['input', field] : ['id'];
}

function insertAndEnqueue(
  db: Lease,
  userId: string,
  asked: Asked,
  idempotencyKey: string | undefined,
): Promise<string> {
  const { publicId, method, provider, callbackUrl, tenantId, retryOf } = asked;
  const config = asked.config as Prisma.InputJsonObject;
  return db.transaction(async (tx) => {
    const { id } = await tx.prisma.trainingExecution.create({
      data: { userId, publicId, method, provider, callbackUrl, config },
      select: { id: true },
    });
    await startExecution(tx.sql, {
      kind: 'training',
      id,
      ...(tenantId && { tenantId }),
      ...(idempotencyKey && { idempotencyKey }),
      ...(retryOf && { retryOf }),
    });
    return id;
  });
}

async function earlierRun(db: Lease, userId: string, asked: Asked, key: string): Promise<string | undefined> {
  const found = await findByIdempotencyKey(db.sql, userId, key);
  if (found === undefined) return undefined;
  const { id, ...before } = found;
  const { publicId, method, provider, callbackUrl, config, tenantId, retryOf } = asked;
  const now: Asked = { publicId, method, provider, callbackUrl, config, tenantId, retryOf };
  if (isDeepStrictEqual(before, JSON.parse(JSON.stringify(now)))) return id;
  throw keyIsTaken(`This idempotency key has started ${id} already, with another input.`, asked);
}

function keyIsTaken(message: string, { retryOf }: Asked): ConflictError {
  return new ConflictError(message, {
    path: retryOf === null ? ['input', 'idempotencyKey'] : ['idempotencyKey'],
    remedy: 'Send the same input to get that execution, or another key to start a new one.',
  });
}

/** Public, or the caller's own. A service's token sees all configs, so this does not rest on the policies alone. */
async function assertConfigIsUsable(db: Lease, userId: string, asked: Asked): Promise<void> {
  const { publicId } = asked;
  const config = await db.prisma.trainingConfig.findFirst({
    where: { publicId, OR: [{ isPublic: true }, { userId }] },
    select: { id: true },
  });
  if (config === null) {
    throw new NotFoundError('training config', publicId, { path: pathOf(asked, 'publicId') });
  }
}

type Progress = ReturnType<(typeof progressInput)['parse']>;

function progressEvents({ metrics, epoch, percent, step, totalSteps, etaSeconds }: Progress): EventInput[] {
  const progress: EventInput = {
    type: 'progress',
    payload: {
      percent,
      ...(step !== undefined && { step }),
      ...(totalSteps !== undefined && { totalSteps }),
      ...(etaSeconds !== undefined && { etaSeconds }),
    },
  };
  if (metrics === undefined || step === undefined) return [progress];
  const metric: EventInput = {
    type: 'metric',
    payload: { step, values: metrics, ...(epoch !== undefined && { epoch }) },
  };
  return [progress, metric];
}
