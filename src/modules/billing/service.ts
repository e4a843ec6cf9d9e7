import { randomUUID } from 'node:crypto';
import type { Prisma } from '../../generated/prisma/client.ts';
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { codeOf } from '../../platform/errors.ts';
import { billingEventInput, cancelInput, type UsageInput, usageBatch, usageBatchOfOne } from './inputs.ts';
import { findKeys, insertUsage, takeKeys, type Usage } from './sql.ts';
import { ENDED_STATUSES } from './vocabulary.ts';

/**
 * The use cases around usage and billing. Each acts as the lease's viewer, takes ids as rows have them, and throws
 * ExpectedErrors; somebody else's subscription or tenant is the same answer as none.
 */

/** @returns the record's id; of the earlier one where the idempotency key was used for the same before */
export async function recordUsage(db: Lease, userId: string, raw: unknown): Promise<string> {
  const [id] = await record(db, userId, validated(usageBatchOfOne, raw, ['input']), () => ['input']);
  if (id === undefined) throw new Error('A record has an id.');
  return id;
}

/** All of them or, where one is refused, none. @returns an id for each, in the input's order */
export async function recordUsageBatch(db: Lease, userId: string, raw: unknown): Promise<string[]> {
  return record(db, userId, validated(usageBatch, raw, ['input']), (at) => ['input', String(at)]);
}

type PathOf = (at: number) => string[];

async function record(db: Lease, userId: string, inputs: UsageInput[], pathOf: PathOf): Promise<string[]> {
  const all = inputs.map((input): Usage => ({ ...input, id: randomUUID(), asked: askedOf(input) }));
  assertKeysDiffer(all, pathOf);
  await assertMayCharge(db, userId, all, pathOf);
  return db.transaction(async ({ sql }) => {
    const earlier = await earlierRecords(sql, userId, all, pathOf);
    // A key that this very batch names twice stands for one record as well.
    const made = new Map<string, string>();
    const ids = all.map(({ id, idempotencyKey: key }) => {
      if (key === undefined) return id;
      const known = earlier.get(key) ?? made.get(key) ?? id;
      made.set(key, known);
      return known;
    });
    await insertUsage(
      sql,
      userId,
      all.filter(({ id }, at) => ids[at] === id),
    );
    return ids;
  });
}

/** What a repeated call must repeat: a moment that was left out, not the one that was taken for it. */
function askedOf({ metric, quantity, tenantId, timestamp, metadata }: UsageInput): Usage['asked'] {
  return {
    metric,
    quantity,
    tenantId: tenantId?.toLowerCase() ?? null,
    timestamp: timestamp?.toISOString() ?? null,
    metadata: metadata ?? null,
  };
}

function assertKeysDiffer(all: readonly Usage[], pathOf: PathOf): void {
  const seen = new Map<string, string>();
  const faults = all.flatMap(({ idempotencyKey: key, asked }, at) => {
    if (key === undefined) return [];
    const before = seen.get(key);
    seen.set(key, before ?? canonical(asked));
    if (before === undefined || before === canonical(asked)) return [];
    return [{ path: [...pathOf(at), 'idempotencyKey'], message: 'stands for another record of this batch' }];
  });
  if (faults.length > 0) throw new ValidationError(faults);
}

/** With the keys of objects in one order, as jsonb compares them. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** A service's token writes past row-level security, so this does not rest on the policies alone. */
async function assertMayCharge(
  db: Lease,
  userId: string,
  all: readonly Usage[],
  pathOf: PathOf,
): Promise<void> {
  const asked = new Map<string, number>();
  for (const [at, { tenantId }] of all.entries()) {
    if (tenantId !== undefined && !asked.has(tenantId)) asked.set(tenantId, at);
  }
  if (asked.size === 0) return;
  const memberships = await db.prisma.membership.findMany({
    where: { userId, tenantId: { in: [...asked.keys()] }, status: 'active' },
    select: { tenantId: true, role: true },
  });
  const roles = new Map(memberships.map(({ tenantId, role }) => [tenantId, role]));
  for (const [tenantId, at] of asked) {
    const path = [...pathOf(at), 'tenantId'];
    const role = roles.get(tenantId.toLowerCase());
    if (role === undefined) throw new NotFoundError('tenant', tenantId, { path });
    if (!['admin', 'member', 'billing'].includes(role)) {
      throw new ForbiddenError('A viewer of a tenant uses nothing in its name.', {
        path,
        remedy: 'Ask an admin of the tenant for the role member, or leave tenantId out.',
      });
    }
  }
}

/** Takes the keys that are new; of the others, the records that they stand for. */
async function earlierRecords(
  sql: Sql,
  userId: string,
  all: readonly Usage[],
  pathOf: PathOf,
): Promise<Map<string, string>> {
  const keyed = all.filter(({ idempotencyKey }) => idempotencyKey !== undefined);
  if (keyed.length === 0) return new Map();
  const taken = await takeKeys(sql, userId, keyed);
  const known = keyed.filter(({ idempotencyKey }) => !taken.has(idempotencyKey ?? ''));
  const earlier = known.length === 0 ? new Map() : await findKeys(sql, userId, known);
  for (const { idempotencyKey: key = '' } of known) {
    if (earlier.get(key)?.isSame) continue;
    const at = all.findIndex(({ idempotencyKey }) => idempotencyKey === key);
    throw new ConflictError('This idempotency key stands for a usage record already, of another input.', {
      path: [...pathOf(at), 'idempotencyKey'],
      remedy: 'Send the same input to get that record, or another key to make a new one.',
    });
  }
  return new Map(Array.from(earlier, ([key, { usageId }]) => [key, usageId]));
}

const FOREIGN_KEY_VIOLATIONS = ['23503', 'P2003'];

/** For service_role. @returns the event's id */
export async function recordBillingEvent(db: Lease, raw: unknown): Promise<string> {
  const { userId, type, data, timestamp } = validated(billingEventInput, raw, ['input']);
  try {
    const { id } = await db.prisma.billingEvent.create({
      // Checked to be JSON by the input's schema.
      data: {
        userId,
        eventType: type,
        data: data as Prisma.InputJsonObject,
        ...(timestamp && { timestamp }),
      },
      select: { id: true },
    });
    return id;
  } catch (error) {
    if (!FOREIGN_KEY_VIOLATIONS.includes(codeOf(error) ?? '')) throw error;
    throw new NotFoundError('user', userId, { path: ['input', 'userId'] });
  }
}

/** Lets a subscription of the user's end with its period, or go on after all. */
export async function cancelAtPeriodEnd(
  db: Lease,
  userId: string,
  args: { id: string; cancel: boolean; ifUpdatedAt?: Date | null | undefined },
): Promise<string> {
  const { id, cancel } = args;
  const { ifUpdatedAt } = validated(cancelInput, args, []);
  if (!isUuid(id)) throw new NotFoundError('subscription', id, { path: ['id'] });
  return db.transaction(async ({ prisma }) => {
    const row = await prisma.billingSubscription.findUnique({
      where: { id },
      select: { userId: true, status: true, updatedAt: true },
    });
    if (row === null) throw new NotFoundError('subscription', id, { path: ['id'] });
    if (row.userId !== userId.toLowerCase()) {
      throw new ForbiddenError('Only its owner cancels a subscription.', { path: ['id'] });
    }
    if (ENDED_STATUSES.includes(row.status)) {
      throw new ConflictError(`The subscription is ${row.status}: it has ended.`, { path: ['id'] });
    }
    const { count } = await editing(
      prisma.billingSubscription.updateMany({
        where: { id, userId, ...(ifUpdatedAt && { updatedAt: upTo(ifUpdatedAt) }) },
        data: { cancelAtPeriodEnd: cancel },
      }),
    );
    if (count === 0) {
      throw new ConflictError('The subscription has changed since.', {
        path: ['ifUpdatedAt'],
        remedy: 'Read it again and decide anew.',
      });
    }
    return id;
  });
}

const INSUFFICIENT_PRIVILEGE = '42501';

/** A tenant's subscription is changed by those who are in it. */
async function editing<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (codeOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new ForbiddenError('Its owner is no active member of its tenant any more.', {
      path: ['id'],
      remedy: 'Ask an admin of the tenant to be invited again.',
    });
  }
}

/** A DateTime has milliseconds and the column microseconds. */
function upTo(at: Date): Prisma.DateTimeFilter {
  return { gte: at, lt: new Date(at.getTime() + 1) };
}
