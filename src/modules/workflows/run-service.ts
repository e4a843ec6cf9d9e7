import { isDeepStrictEqual } from 'node:util';
import {
  ConflictError,
  ExecutionNotEndedError,
  ForbiddenError,
  NotFoundError,
  ValidationError,
} from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { codeOf } from '../../platform/errors.ts';
import { FeedError } from '../../platform/feed/errors.ts';
import { findStream, type Priority, requestCancel } from '../../platform/feed/feed.ts';
import { visible } from '../agents/versioned.ts';
import { assertMayStartIn, feedOf, startRefusal } from '../executions/starting.ts';
import type { Definition } from './definition/definition.ts';
import { decideApproval, pauseWorkflow, resumeWorkflow } from './engine/sql.ts';
import {
  loadWorkflow,
  type StoredWorkflow,
  startFromStep,
  startWorkflow,
  type WorkflowStart,
} from './engine/start.ts';
import { decisionInput, fromStepInput, reasonInput, rerunInput, runInput } from './run-inputs.ts';
import type { Fault } from './validation/fault.ts';
import { agentIdsOf, definitionFaults, parseDefinition } from './validation/validate.ts';

/** What of a definition cannot be run here although it is right, such as a channel that nobody has configured. */
export type FaultsHere = (definition: Definition) => readonly Fault[];

export type WorkflowRunService = ReturnType<typeof createWorkflowRunService>;

const UNIQUE_VIOLATION = '23505';

/**
 * The use cases around runs of workflows. Each acts as the lease's viewer, takes ids as rows have them, and throws
 * ExpectedErrors; somebody else's execution is the same answer as none.
 */
export function createWorkflowRunService({ faultsHere }: { faultsHere: FaultsHere }) {
  return {
    /**
     * Starts a run. Its row, its plan and its first jobs come into being in one transaction, or nothing does; whatever can be
     * refused is refused before.
     *
     * @param raw checked against `runInput`
     * @returns the execution's id; of the earlier one where the idempotency key was used for the same before
     */
    async run(db: Lease, userId: string, raw: unknown): Promise<string> {
      const { workflowId, ...input } = validated(runInput, raw, []);
      return await begin(db, userId, { ...input, workflowId, path: ['workflowId'] });
    },

    /** Runs the workflow of an ended execution again, as it is now, with the same input. @throws {ExecutionNotEndedError} */
    async rerun(db: Lease, userId: string, id: string, raw: unknown): Promise<string> {
      const { idempotencyKey } = validated(rerunInput, raw, []);
      const { workflowId, input } = await endedExecution(db, userId, id);
      const again = { priority: 'normal' as const, idempotencyKey, retryOf: id, path: ['executionId'] };
      return await begin(db, userId, { workflowId, input, ...again });
    },

    /**
     * Runs an ended execution again from a step on, as it was defined then: what does not follow that step is taken over as it
     * was. A step within another one is run again with the one that holds it.
     */
    async retryFromStep(db: Lease, userId: string, id: string, raw: unknown): Promise<string> {
      const { stepId, idempotencyKey } = validated(fromStepInput, raw, []);
      const { workflowId, input } = await endedExecution(db, userId, id);
      const workflow = await runnable(db, userId, workflowId, ['executionId']);
      const asked: Asked = { workflowId, input, retryOf: id, stepId, idempotencyKey };
      return await once(db, userId, asked, ['idempotencyKey'], async () => {
        try {
          return await db.transaction(({ sql }) =>
            startFromStep(sql, { workflow, userId, input, from: id, stepId, ...keyOf(asked) }),
          );
        } catch (error) {
          if (!isUnknown(error)) throw error;
          throw new NotFoundError('step of that execution', stepId, { path: ['stepId'] });
        }
      });
    },

    /** Ends an execution of any kind, with whatever it has started as a part of itself. @throws {ExecutionEndedError} */
    async cancel(db: Lease, ref: Parameters<typeof requestCancel>[1], raw: unknown): Promise<void> {
      const { reason } = validated(reasonInput, raw, []);
      await feedOf(ref.kind, ref.id, requestCancel(db.sql, { ...ref, ...(reason && { reason }) }));
    },

    /** Begins nothing more until it is resumed; what runs may end. */
    async pause(db: Lease, id: string, raw: unknown): Promise<void> {
      const { reason } = validated(reasonInput, raw, []);
      assertIsId(id);
      try {
        await feedOf('workflow', id, pauseWorkflow(db.sql, id, reason ?? undefined));
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error;
        throw new ConflictError('Only an execution that is running can be paused.', {
          path: ['executionId'],
        });
      }
    },

    async resume(db: Lease, id: string): Promise<void> {
      assertIsId(id);
      try {
        await feedOf('workflow', id, resumeWorkflow(db.sql, id));
      } catch (error) {
        if (!(error instanceof FeedError)) throw error;
        throw new ConflictError('Only an execution that was paused can be resumed.', {
          path: ['executionId'],
        });
      }
    },

    /** Answers what a step asks. @returns the question's id */
    async decide(db: Lease, id: string, raw: unknown): Promise<string> {
      const { stepId, decision, comment } = validated(decisionInput, raw, []);
      assertIsId(id);
      const answer = { executionId: id, stepId, decision, comment: comment ?? undefined };
      try {
        return await feedOf('workflow', id, decideApproval(db.sql, answer));
      } catch (error) {
        if (!(error instanceof FeedError)) throw error;
        throw new ConflictError('That question is not open any more.', { path: ['stepId'] });
      }
    },
  };

  async function begin(
    db: Lease,
    userId: string,
    { path, priority, ...asked }: Asked & { path: string[]; priority: Priority },
  ): Promise<string> {
    return await once(db, userId, asked, ['idempotencyKey'], async () => {
      const workflow = await runnable(db, userId, asked.workflowId, path);
      const definition = await soundDefinition(db.sql, workflow, path);
      const { input, retryOf } = asked;
      return await db.transaction(({ sql }) =>
        startWorkflow(sql, { definition, workflow, userId, input, priority, retryOf, ...keyOf(asked) }),
      );
    });
  }

  /** @throws {ValidationError} where the definition cannot run, be it that another program has written it */
  async function soundDefinition(sql: Sql, { stored, name }: StoredWorkflow, path: string[]) {
    const { definition, faults } = parseDefinition(stored);
    if (!definition) throw unfit(name, faults, path);
    const agentIds = await visible(sql, 'agent', agentIdsOf(definition));
    const found = [...definitionFaults(definition, { agentIds }), ...faultsHere(definition)];
    if (found.length > 0) throw unfit(name, found, path);
    return definition;
  }
}

function unfit(name: string, faults: readonly Fault[], path: string[]): ValidationError {
  return new ValidationError(
    faults.map((fault) => ({
      path,
      message: `names ${JSON.stringify(name)}, which cannot be run: ${fault.path.join('.')} ${fault.message}`,
    })),
  );
}

type Asked = {
  workflowId: string;
  input: unknown;
  retryOf?: string | undefined;
  /** Where it goes on from, if not from the beginning. */
  stepId?: string | undefined;
  idempotencyKey?: string | null | undefined;
};

/** What tells whether a second call with the same key asks for the same. */
function keyOf({ idempotencyKey, stepId }: Asked): Pick<WorkflowStart, 'idempotencyKey' | 'metadata'> {
  return {
    idempotencyKey: idempotencyKey ?? undefined,
    ...(stepId !== undefined && { metadata: { fromStep: stepId } }),
  };
}

/** Starts, or gives what the same key has started before. */
async function once(
  db: Lease,
  userId: string,
  asked: Asked,
  path: string[],
  start: () => Promise<string>,
): Promise<string> {
  const earlier = await earlierRun(db.sql, userId, asked, path);
  if (earlier) return earlier;
  try {
    return await start();
  } catch (error) {
    if (!asked.idempotencyKey || codeOf(error) !== UNIQUE_VIOLATION) throw startRefusal(error);
    // Another call with the same key was faster, and has committed by now.
    const winner = await earlierRun(db.sql, userId, asked, path);
    if (winner) return winner;
    throw taken('This idempotency key has started an execution that you may no longer see.', path);
  }
}

type Earlier = {
  id: string;
  workflowId: string;
  input: unknown;
  retryOf: string | null;
  stepId: string | null;
};

async function earlierRun(
  sql: Sql,
  userId: string,
  { idempotencyKey, workflowId, input, retryOf, stepId }: Asked,
  path: string[],
): Promise<string | undefined> {
  if (!idempotencyKey) return undefined;
  const [found] = await sql.query<Earlier>(
    `select e.id, e.workflow_id as "workflowId", e.input, s.retry_of as "retryOf", e.metadata ->> 'fromStep' as "stepId"
     from runcast.execution_streams s
     join public.workflow_executions e on e.id = case when s.kind = 'workflow' then s.execution_id::uuid end
     where s.user_id = $1 and s.kind = 'workflow' and s.idempotency_key = $2`,
    [userId, idempotencyKey],
  );
  if (found === undefined) return undefined;
  const { id, ...before } = found;
  const now = { workflowId, input, retryOf: retryOf ?? null, stepId: stepId ?? null };
  if (isDeepStrictEqual(before, JSON.parse(JSON.stringify(now)))) return id;
  throw taken(`This idempotency key has started ${id} already, with another input.`, path);
}

function taken(message: string, path: string[]): ConflictError {
  const remedy = 'Send the same input to get that execution, or another key to start a new one.';
  return new ConflictError(message, { path, remedy });
}

/** A workflow that the caller may run now. */
async function runnable(
  db: Lease,
  userId: string,
  workflowId: string,
  path: string[],
): Promise<StoredWorkflow> {
  const workflow = await loadWorkflow(db.sql, workflowId);
  if (!workflow) throw new NotFoundError('workflow', workflowId, { path });
  if (workflow.tenantId !== null) await assertMayStartIn(db, userId, workflow.tenantId, path);
  if (!workflow.enabled) {
    throw new ForbiddenError(`The workflow ${JSON.stringify(workflow.name)} is disabled.`, {
      path,
      remedy: 'Enable it with enableWorkflow.',
    });
  }
  return workflow;
}

async function endedExecution(db: Lease, userId: string, id: string) {
  const select = { workflowId: true, input: true } as const;
  const row = isUuid(id)
    ? await db.prisma.workflowExecution.findUnique({ where: { id, userId }, select })
    : null;
  const stream = await findStream(db.sql, { kind: 'workflow', id });
  if (row === null || stream === undefined) {
    throw new NotFoundError('workflow execution', id, { path: ['executionId'] });
  }
  if (stream.state === 'open') throw new ExecutionNotEndedError(id);
  return row;
}

function assertIsId(id: string): void {
  if (!isUuid(id)) throw new NotFoundError('workflow execution', id, { path: ['executionId'] });
}

function isUnknown(error: unknown): boolean {
  return error instanceof FeedError && error.code === 'STREAM_NOT_FOUND';
}
