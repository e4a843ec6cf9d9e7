import { isOutage, ViewerError } from '../../../platform/db/driver-errors.ts';
import type { Sql } from '../../../platform/db/sql.ts';
import { codeOf } from '../../../platform/errors.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import type { Definition } from '../definition/definition.ts';
import { type StoredWorkflow, startWorkflow } from '../engine/start.ts';
import type { FaultsHere } from '../run-service.ts';
import { agentIdsOf, definitionFaults, parseDefinition } from '../validation/validate.ts';

/** Why a trigger starts nothing, in words for whoever made the workflow. */
export class TriggerRefusal extends Error {
  override name = 'TriggerRefusal';
  readonly code: 'DISABLED' | 'NO_OWNER' | 'INVALID' | 'QUEUE_FULL' | 'TOO_DEEP' | 'FAILED';

  constructor(code: TriggerRefusal['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type TriggeredStart = {
  workflow: StoredWorkflow;
  input: Record<string, unknown>;
  /** Names what has happened: the same starts one run. */
  idempotencyKey: string;
  /** What the run's row says of how it came about. */
  metadata: Record<string, unknown>;
  depth?: number;
};

/**
 * Starts a run for whoever made the workflow, in the transaction that `sql` runs in, as the service role.
 *
 * @param faultsHere what of a definition cannot be run here although it is right
 * @returns the execution's id; of the earlier one where the key was used before
 * @throws {TriggerRefusal} before anything was written
 * @throws {FeedError} QUEUE_FULL, TOO_DEEP, and 23505 where another one was faster with the key: the transaction is over
 */
export async function startTriggered(
  sql: Sql,
  { workflow, ...start }: TriggeredStart,
  faultsHere: FaultsHere,
): Promise<string> {
  if (!workflow.enabled) throw new TriggerRefusal('DISABLED', 'The workflow is disabled.');
  const userId = await ownerOf(sql, workflow);
  const earlier = await findTriggered(sql, userId, start.idempotencyKey);
  if (earlier !== undefined) return earlier;
  const definition = await soundDefinition(sql, workflow, userId, faultsHere);
  return await startWorkflow(sql, { definition, workflow, userId, ...start });
}

/** What a key has started for a user. */
export async function findTriggered(sql: Sql, userId: string, key: string): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(
    `select execution_id as id from runcast.execution_streams
     where user_id = $1 and kind = 'workflow' and idempotency_key = $2`,
    [userId, key],
  );
  return row?.id;
}

const COPY = 'Clone it: the clone is yours.';

/** @throws {TriggerRefusal} where nobody is there to whom the run could belong */
async function ownerOf(sql: Sql, { createdBy, tenantId }: StoredWorkflow): Promise<string> {
  if (createdBy === null)
    throw new TriggerRefusal('NO_OWNER', `It is not known who made the workflow. ${COPY}`);
  if (tenantId === null) return createdBy;
  const [member] = await sql.query<{ role: string; status: string }>(
    `select m.role, t.status from public.user_tenants m join public.tenants t on t.id = m.tenant_id
     where m.tenant_id = $1 and m.user_id = $2 and m.status = 'active'`,
    [tenantId, createdBy],
  );
  if (member === undefined || !['admin', 'member'].includes(member.role)) {
    throw new TriggerRefusal(
      'NO_OWNER',
      `Whoever made the workflow is no active admin or member of its tenant any more. ${COPY}`,
    );
  }
  if (!['active', 'trial'].includes(member.status)) {
    throw new TriggerRefusal('NO_OWNER', `The tenant is ${member.status}, so no runs are started for it.`);
  }
  return createdBy;
}

async function soundDefinition(
  sql: Sql,
  { stored }: StoredWorkflow,
  userId: string,
  faultsHere: FaultsHere,
): Promise<Definition> {
  const { definition, faults } = parseDefinition(stored);
  const found = definition
    ? [
        ...definitionFaults(definition, {
          agentIds: await agentsSeenBy(sql, userId, agentIdsOf(definition)),
        }),
        ...faultsHere(definition),
      ]
    : faults;
  if (definition && found.length === 0) return definition;
  const all = found.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ');
  throw new TriggerRefusal('INVALID', `The workflow cannot be run: ${all}.`);
}

/** As the policies have it for the user, for whom the service role asks here. */
async function agentsSeenBy(sql: Sql, userId: string, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await sql.query<{ id: string }>(
    `select a.id from public.agents a
     where a.id = any ($2::uuid[]) and exists (
       select from public.user_tenants m
       where m.tenant_id = a.tenant_id and m.user_id = $1 and m.status = 'active'
         and m.role in ('admin', 'member', 'viewer'))`,
    [userId, ids],
  );
  return new Set(rows.map(({ id }) => id));
}

const UNIQUE_VIOLATION = '23505';

/** Whether another one has used the same key in the meantime: the run is there. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === UNIQUE_VIOLATION;
}

/**
 * What a start has failed with, for whoever made the workflow.
 *
 * @throws the error itself where it is none of the workflow's: a database that is not there, a deadlock
 */
export function asRefusal(error: unknown): TriggerRefusal {
  if (error instanceof TriggerRefusal) return error;
  if (error instanceof FeedError && error.code === 'QUEUE_FULL')
    return new TriggerRefusal('QUEUE_FULL', 'As many runs wait as may.');
  if (error instanceof FeedError && error.code === 'TOO_DEEP')
    return new TriggerRefusal(
      'TOO_DEEP',
      'Runs have started each other too deep: the workflows trigger each other in a circle.',
    );
  if (isPassing(error)) throw error;
  return new TriggerRefusal('FAILED', 'It could not be started; the worker’s log says why.', {
    cause: error,
  });
}

/** Failures that say nothing of what was asked: no database, a deadlock, no resources, an operator's hand. */
function isPassing(error: unknown): boolean {
  return isOutage(error) || error instanceof ViewerError || /^(40|53|57)\w{3}$/.test(codeOf(error) ?? '');
}
