import type { Prisma } from '../../generated/prisma/client.ts';
import { type FieldFault, NotFoundError, ValidationError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Claims } from '../../platform/db/claims.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { orTenantRefusal } from '../accounts/tenant-refusal.ts';
import {
  assertIsFree,
  assertIsNewest,
  assertNeverFalls,
  columnsOf,
  lockForChange,
  refusal,
  visible,
} from '../agents/versioned.ts';
import { cloned } from './clone.ts';
import { inputPath, storedDefinition, storedForm } from './definition-inputs.ts';
import {
  cloneWorkflow,
  createInput,
  createTenantWorkflow,
  createWorkflow,
  definitionInput,
  type NewWorkflow,
  updateInput,
  updateWorkflow,
  type WorkflowPatch,
} from './inputs.ts';
import { copyWorkflow, DEFINITION, type WorkflowHead } from './sql.ts';
import { parsed, type Validated } from './validation/parse.ts';
import { agentIdsOf, definitionFaults, parseDefinition } from './validation/validate.ts';

/**
 * The use cases around workflows. Each acts as the lease's viewer, takes ids as rows have them and is one transaction. Who
 * may do what is the policies' to decide; a workflow that the caller does not see is the same answer as none.
 */

type Caller = Pick<Claims, 'role' | 'sub'>;

export async function create(db: Lease, caller: Caller, raw: object): Promise<string> {
  const schema = caller.role === 'service_role' ? createWorkflow : createTenantWorkflow;
  const stored = storedDefinition(createInput, raw);
  const { tenantId, ...workflow } = orFaults<NewWorkflow>(parsed(schema, stored), stored);
  const of = { tenantId: tenantId ?? null, name: workflow.name };
  const write = db.transaction(async (tx) => {
    await assertIsSound(tx.sql, workflow, stored);
    await assertIsFree(tx.sql, 'workflow', { ...of, version: workflow.version });
    const data = {
      ...columnsOf<Prisma.WorkflowUncheckedCreateInput>(workflow, OPTIONAL_JSON),
      tenantId: of.tenantId,
      createdBy: caller.sub ?? null,
    };
    const { id } = await tx.prisma.workflow.create({ data, select: { id: true } });
    return id;
  });
  return await orTenantRefusal(db, write, tenantId, ['input', 'tenantId']);
}

/** @param ifUpdatedAt the change that the caller knows of; where there was a later one, nothing is changed */
export async function update(db: Lease, id: string, raw: object, ifUpdatedAt?: Date): Promise<void> {
  const stored = storedForm(updateInput, raw);
  const patch = orFaults<WorkflowPatch>(parsed(updateWorkflow, stored), stored);
  await db.transaction(async (tx) => {
    const wanted = { id, ifUpdatedAt, columns: DEFINITION };
    const row = await lockForChange<WorkflowHead>(tx.sql, 'workflow', wanted);
    const { name = row.name, version = row.version } = patch;
    assertNeverFalls(row.version, version);
    await assertStaysSound(tx.sql, row, patch);
    if (name !== row.name || version !== row.version) {
      await assertIsFree(tx.sql, 'workflow', { tenantId: row.tenantId, name, version }, id);
    }
    const data = columnsOf<Prisma.WorkflowUpdateInput>(patch, OPTIONAL_JSON);
    await tx.prisma.workflow.update({ where: { id }, data, select: { id: true } });
  });
}

/** Its executions and their logs go with it. */
export async function remove(db: Lease, id: string): Promise<void> {
  await db.transaction(async (tx) => {
    const { count } = isUuid(id) ? await tx.prisma.workflow.deleteMany({ where: { id } }) : { count: 0 };
    if (count === 0) throw await refusal(tx.sql, 'workflow', id);
  });
}

export async function setFlag(
  db: Lease,
  id: string,
  flag: { enabled: boolean } | { deprecated: boolean },
  ifUpdatedAt?: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockForChange(tx.sql, 'workflow', { id, ifUpdatedAt });
    await tx.prisma.workflow.update({ where: { id }, data: flag, select: { id: true } });
  });
}

/** The clone is the caller's, and waits to be enabled: until then no schedule or webhook starts both. */
export async function clone(db: Lease, caller: Caller, id: string, raw: unknown): Promise<string> {
  const wanted = validated(cloneWorkflow, raw, ['input']);
  const select = { name: true, version: true, tenantId: true, steps: true, startStepId: true } as const;
  const original = isUuid(id) ? await db.prisma.workflow.findUnique({ where: { id }, select }) : null;
  if (original === null) throw new NotFoundError('workflow', id);
  const { name = original.name, version = original.version } = wanted;
  const tenantId = wanted.tenantId ?? original.tenantId;
  const { steps, startStepId } = cloned(original);
  const write = db.transaction(async (tx) => {
    await assertIsNewest(tx.sql, 'workflow', { tenantId, name, version });
    const createdBy = caller.sub ?? null;
    const copy = await copyWorkflow(tx.sql, id, { name, version, tenantId, createdBy, steps, startStepId });
    if (copy === undefined) throw new NotFoundError('workflow', id);
    return copy;
  });
  return await orTenantRefusal(db, write, tenantId ?? undefined, ['input', 'tenantId']);
}

/** What is wrong with a definition; nothing is written. */
export async function faultsOf(db: Lease, raw: object): Promise<FieldFault[]> {
  const stored = storedDefinition(definitionInput, raw);
  const { definition, faults } = parseDefinition(stored);
  const found = definition ? await unsound(db.sql, definition) : faults;
  return found.map(({ path, message }) => ({ path: ['input', ...inputPath(path, stored)], message }));
}

type Stored = Readonly<Record<string, unknown>>;

function orFaults<Value>({ value, faults }: Validated<Value>, stored: Stored): Value {
  if (value === undefined) throw invalid(faults, stored);
  return value;
}

function invalid(faults: readonly FieldFault[], stored: Stored): ValidationError {
  return new ValidationError(
    faults.map(({ path, message }) => ({ path: ['input', ...inputPath(path, stored)], message })),
  );
}

type Definition = Parameters<typeof definitionFaults>[0];

async function unsound(sql: Sql, definition: Definition) {
  const agentIds = await visible(sql, 'agent', agentIdsOf(definition));
  return definitionFaults(definition, { agentIds });
}

async function assertIsSound(sql: Sql, definition: Definition, stored: Stored): Promise<void> {
  const faults = await unsound(sql, definition);
  if (faults.length > 0) throw invalid(faults, stored);
}

const DEFINING = ['trigger', 'steps', 'startStepId', 'globalRetry', 'errorHandler'] as const;

/** A definition is validated as a whole when a part of it changes, and not when a workflow is renamed. */
async function assertStaysSound(sql: Sql, row: WorkflowHead, patch: WorkflowPatch): Promise<void> {
  if (DEFINING.every((part) => patch[part] === undefined)) return;
  const parts = DEFINING.map((part) => [
    part,
    (patch[part] === undefined ? row[part] : patch[part]) ?? undefined,
  ]);
  const stored: Stored = Object.fromEntries(parts);
  const { definition, faults } = parseDefinition(stored);
  if (!definition) throw invalid(faults, stored);
  await assertIsSound(sql, definition, stored);
}

/** Columns that hold no JSON at all, rather than JSON's null. */
const OPTIONAL_JSON = new Set(['stateSchema', 'initialState', 'globalRetry', 'errorHandler']);
