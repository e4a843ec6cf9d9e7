import type { Prisma } from '../../generated/prisma/client.ts';
import { NotFoundError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { fromInput } from '../../graphql/json-shapes.ts';
import { validated } from '../../graphql/validation.ts';
import type { Claims } from '../../platform/db/claims.ts';
import type { Lease } from '../../platform/db/lease.ts';
import { orTenantRefusal } from '../accounts/tenant-refusal.ts';
import { assertFallbacks } from './fallbacks.ts';
import { type AgentDefinition, cloneAgent, createAgent, createTenantAgent, updateAgent } from './inputs.ts';
import { copyAgent } from './sql.ts';
import {
  assertIsFree,
  assertIsNewest,
  assertNeverFalls,
  columnsOf,
  lockForChange,
  refusal,
} from './versioned.ts';

/**
 * The use cases around agents. Each acts as the lease's viewer, takes ids as rows have them and is one transaction. Who
 * may do what is the policies' to decide; an agent that the caller does not see is the same answer as none.
 */

type Caller = Pick<Claims, 'role' | 'sub'>;

export async function create(db: Lease, caller: Caller, raw: unknown): Promise<string> {
  const schema = caller.role === 'service_role' ? createAgent : createTenantAgent;
  const { tenantId, ...definition } = validated<AgentDefinition>(schema, fromInput(schema, raw), ['input']);
  const of = { tenantId: tenantId ?? null, name: definition.name };
  const write = db.transaction(async (tx) => {
    await assertFallbacks(tx.sql, definition);
    await assertIsFree(tx.sql, 'agent', { ...of, version: definition.version });
    const data = {
      ...columnsOf<Prisma.AgentUncheckedCreateInput>(definition, OPTIONAL_JSON),
      tenantId: of.tenantId,
      createdBy: caller.sub ?? null,
    };
    const { id } = await tx.prisma.agent.create({ data, select: { id: true } });
    return id;
  });
  return await orTenantRefusal(db, write, tenantId, ['input', 'tenantId']);
}

/** @param ifUpdatedAt the change that the caller knows of; where there was a later one, nothing is changed */
export async function update(db: Lease, id: string, raw: unknown, ifUpdatedAt?: Date): Promise<void> {
  const patch = validated(updateAgent, fromInput(updateAgent, raw), ['input']);
  await db.transaction(async (tx) => {
    const row = await lockForChange(tx.sql, 'agent', { id, ifUpdatedAt });
    const { name = row.name, version = row.version } = patch;
    assertNeverFalls(row.version, version);
    await assertFallbacks(tx.sql, patch, id);
    if (name !== row.name || version !== row.version) {
      await assertIsFree(tx.sql, 'agent', { tenantId: row.tenantId, name, version }, id);
    }
    const data = columnsOf<Prisma.AgentUpdateInput>(patch, OPTIONAL_JSON);
    await tx.prisma.agent.update({ where: { id }, data, select: { id: true } });
  });
}

/** Its executions and their logs go with it. */
export async function remove(db: Lease, id: string): Promise<void> {
  await db.transaction(async (tx) => {
    const { count } = isUuid(id) ? await tx.prisma.agent.deleteMany({ where: { id } }) : { count: 0 };
    if (count === 0) throw await refusal(tx.sql, 'agent', id);
  });
}

export async function setFlag(
  db: Lease,
  id: string,
  flag: { enabled: boolean } | { deprecated: boolean },
  ifUpdatedAt?: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockForChange(tx.sql, 'agent', { id, ifUpdatedAt });
    await tx.prisma.agent.update({ where: { id }, data: flag, select: { id: true } });
  });
}

/** The clone is the caller's, enabled and not deprecated, whatever the original is. */
export async function clone(db: Lease, caller: Caller, id: string, raw: unknown): Promise<string> {
  const wanted = validated(cloneAgent, fromInput(cloneAgent, raw), ['input']);
  const original = isUuid(id)
    ? await db.prisma.agent.findUnique({
        where: { id },
        select: { name: true, version: true, tenantId: true },
      })
    : null;
  if (original === null) throw new NotFoundError('agent', id);
  const { name = original.name, version = original.version } = wanted;
  const tenantId = wanted.tenantId ?? original.tenantId;
  const write = db.transaction(async (tx) => {
    await assertIsNewest(tx.sql, 'agent', { tenantId, name, version });
    const copy = await copyAgent(tx.sql, id, { name, version, tenantId, createdBy: caller.sub ?? null });
    if (copy === undefined) throw new NotFoundError('agent', id);
    return copy;
  });
  return await orTenantRefusal(db, write, tenantId ?? undefined, ['input', 'tenantId']);
}

/** Columns that hold no JSON at all, rather than JSON's null. */
const OPTIONAL_JSON = new Set(['memoryConfig', 'validationSchema', 'outputSchema']);
