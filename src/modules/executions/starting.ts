import {
  ExecutionEndedError,
  ForbiddenError,
  LimitReachedError,
  NotFoundError,
  ValidationError,
} from '../../graphql/errors.ts';
import type { Lease } from '../../platform/db/lease.ts';
import { codeOf } from '../../platform/errors.ts';
import { FeedError } from '../../platform/feed/errors.ts';
import type { ExecutionKind, ExecutionRef } from '../../platform/feed/events.ts';

/** What holds for runs of every kind that are started or steered by the API. */

const INSUFFICIENT_PRIVILEGE = '42501';

/** @throws {NotFoundError | ForbiddenError} where the user may start nothing for the tenant */
export async function assertMayStartIn(
  db: Lease,
  userId: string,
  tenantId: string,
  path: string[],
): Promise<void> {
  const membership = await db.prisma.membership.findFirst({
    where: { tenantId, userId, status: 'active' },
    select: { role: true, tenant: { select: { status: true } } },
  });
  if (membership === null) throw new NotFoundError('tenant', tenantId, { path });
  if (!['admin', 'member'].includes(membership.role)) {
    throw new ForbiddenError(`Whoever is ${membership.role} in a tenant starts no runs for it.`, {
      path,
      remedy: 'Ask an admin of the tenant for the role member, or leave tenantId out.',
    });
  }
  if (!['active', 'trial'].includes(membership.tenant.status)) {
    throw new ForbiddenError(`The tenant is ${membership.tenant.status}, so no runs are started for it.`, {
      path,
    });
  }
}

/** What the database refused a start for, in the catalogue's terms; anything else is returned as it is. */
export function startRefusal(error: unknown): unknown {
  if (error instanceof FeedError && error.code === 'QUEUE_FULL') {
    return new LimitReachedError('As many runs wait as may.', {
      remedy: 'Wait until some of them have ended, or cancel them.',
    });
  }
  if (error instanceof FeedError && error.code === 'TOO_DEEP') {
    return new LimitReachedError('Runs have started each other too deep.');
  }
  if (codeOf(error) === INSUFFICIENT_PRIVILEGE) return new ForbiddenError('You may not start runs there.');
  return error;
}

/** What the feed refuses, in the catalogue's terms. */
export async function feedOf<T>(kind: ExecutionKind, id: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    if (error.code === 'STREAM_NOT_FOUND') throw new NotFoundError(`${kind} execution`, id);
    if (error.code === 'STREAM_CLOSED') throw new ExecutionEndedError(id);
    if (error.code === 'INVALID_EVENT')
      throw new ValidationError([{ path: ['input'], message: error.message }]);
    throw error;
  }
}

/** An execution as streams name it: the ids of agents' and workflows' are uuids, which callers may write in capitals, too. */
export function refOf(kind: ExecutionKind, id: string): ExecutionRef {
  return { kind, id: kind === 'training' ? id : id.toLowerCase() };
}
