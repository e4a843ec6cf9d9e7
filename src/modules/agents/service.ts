import { Prisma } from '../../generated/prisma/client.ts';
import { ConflictError, ForbiddenError, NotFoundError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { fromInput } from '../../graphql/json-shapes.ts';
import { validated } from '../../graphql/validation.ts';
import type { Claims } from '../../platform/db/claims.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { orTenantRefusal } from '../accounts/tenant-refusal.ts';
import { assertFallbacks } from './fallbacks.ts';
import {
  type AgentDefinition,
  type AgentPatch,
  cloneAgent,
  createAgent,
  createTenantAgent,
  updateAgent,
} from './inputs.ts';
import { type AgentHead, copyAgent, lockAgent, lockVersions } from './sql.ts';
import { highest, isLower } from './version.ts';

/**
 * The use cases around agents. Each acts as the lease's viewer, takes ids as rows have them and is one transaction. Who
 * may do what is the policies' to decide; an agent that the caller does not see is the same answer as none.
 *
 * Versions: name and version are unique within a tenant, an update never lowers the version, and a clone into a tenant
 * that has agents of its name is newer than all of them. What other programs wrote is held to none of this.
 */

type Caller = Pick<Claims, 'role' | 'sub'>;

export async function create(db: Lease, caller: Caller, raw: unknown): Promise<string> {
  const schema = caller.role === 'service_role' ? createAgent : createTenantAgent;
  const { tenantId, ...definition } = validated<AgentDefinition>(schema, fromInput(schema, raw), ['input']);
  const of = { tenantId: tenantId ?? null, name: definition.name };
  const write = db.transaction(async (tx) => {
    await assertFallbacks(tx.sql, definition);
    await assertIsFree(tx.sql, of, definition.version);
    const data = {
      ...columnsOf<Prisma.AgentUncheckedCreateInput>(definition),
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
    const row = await lockForChange(tx.sql, id, ifUpdatedAt);
    const { name = row.name, version = row.version } = patch;
    if (isLower(version, row.version)) {
      throw new ConflictError(`The version is ${row.version} already, and never falls.`, {
        path: ['input', 'version'],
        remedy: 'Choose a version that is not lower.',
      });
    }
    await assertFallbacks(tx.sql, patch, id);
    if (name !== row.name || version !== row.version) {
      await assertIsFree(tx.sql, { tenantId: row.tenantId, name }, version, id);
    }
    const data = columnsOf<Prisma.AgentUpdateInput>(patch);
    await tx.prisma.agent.update({ where: { id }, data, select: { id: true } });
  });
}

/** Its executions and their logs go with it. */
export async function remove(db: Lease, id: string): Promise<void> {
  await db.transaction(async (tx) => {
    const { count } = isUuid(id) ? await tx.prisma.agent.deleteMany({ where: { id } }) : { count: 0 };
    if (count === 0) throw await refusal(tx.sql, id);
  });
}

export async function setFlag(
  db: Lease,
  id: string,
  flag: { enabled: boolean } | { deprecated: boolean },
  ifUpdatedAt?: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockForChange(tx.sql, id, ifUpdatedAt);
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
    const newest = highest(await lockVersions(tx.sql, { tenantId, name }));
    if (newest !== undefined && !isLower(newest, version)) {
      throw new ConflictError(`The tenant has ${name} ${newest} already.`, {
        path: ['input', 'version'],
        remedy: `Choose a version above ${newest}, or another name.`,
      });
    }
    const copy = await copyAgent(tx.sql, id, { name, version, tenantId, createdBy: caller.sub ?? null });
    if (copy === undefined) throw new NotFoundError('agent', id);
    return copy;
  });
  return await orTenantRefusal(db, write, tenantId ?? undefined, ['input', 'tenantId']);
}

async function assertIsFree(
  sql: Sql,
  of: { tenantId: string | null; name: string },
  version: string,
  except?: string,
): Promise<void> {
  if (!(await lockVersions(sql, of, except)).includes(version)) return;
  throw new ConflictError(`The tenant has ${of.name} ${version} already.`, {
    path: ['input', 'version'],
    remedy: 'Choose another version, or another name.',
  });
}

async function lockForChange(sql: Sql, id: string, ifUpdatedAt: Date | undefined): Promise<AgentHead> {
  const row = isUuid(id) ? await lockAgent(sql, id) : undefined;
  if (row === undefined) throw await refusal(sql, id);
  if (ifUpdatedAt !== undefined && row.updatedAt.getTime() !== ifUpdatedAt.getTime()) {
    throw new ConflictError(`The agent has changed at ${row.updatedAt.toISOString()}.`, {
      path: ['ifUpdatedAt'],
      remedy: 'Fetch it again, see what has changed, and decide anew.',
    });
  }
  return row;
}

/** Why an agent could not be changed: the policies let nobody lock or delete what he may only see. */
async function refusal(sql: Sql, id: string): Promise<Error> {
  const seen = isUuid(id) ? await sql.query('select 1 as seen from public.agents where id = $1', [id]) : [];
  if (seen.length === 0) return new NotFoundError('agent', id);
  return new ForbiddenError('Your role in the agent’s tenant does not allow this.', {
    path: ['id'],
    remedy: 'Ask an admin of the tenant.',
  });
}

/** Columns that hold no JSON at all, rather than JSON's null. */
const OPTIONAL_JSON = new Set(['memoryConfig', 'validationSchema', 'outputSchema']);

/** The fields of the inputs are the model's own; what is left out is no field of the result. */
function columnsOf<Columns extends object>(fields: AgentPatch): Columns {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  const columns = given.map(([name, value]) => [
    name,
    value === null && OPTIONAL_JSON.has(name) ? Prisma.DbNull : value,
  ]);
  return Object.fromEntries(columns) as Columns;
}
