import { isDeepStrictEqual } from 'node:util';
import {
  ConflictError,
  ExecutionNotEndedError,
  ForbiddenError,
  NotFoundError,
} from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Lease } from '../../platform/db/lease.ts';
import { codeOf } from '../../platform/errors.ts';
import type { Priority } from '../../platform/feed/feed.ts';
import { callAppending, requestCancel } from '../../platform/feed/feed.ts';
import { assertMayStartIn, feedOf, refOf, startRefusal } from '../executions/starting.ts';
import type { AgentPorts } from './ports.ts';
import { assertRunnable } from './preflight.ts';
import { cancelInput, decisionInput, retryInput, runInput } from './run-inputs.ts';
import { type AskedRun, earlierRunByKey, endedRun, runnableAgent } from './run-sql.ts';
import { startAgent } from './start.ts';

export { type AgentStart, startAgent } from './start.ts';

export type AgentRuns = ReturnType<typeof createAgentRuns>;

const UNIQUE_VIOLATION = '23505';
const TERMINAL = ['completed', 'failed', 'cancelled'];

type Begin = { userId: string; asked: AskedRun; priority: Priority; key: string | undefined };

/**
 * The use cases around runs of agents. Each acts as the lease's viewer, takes ids as rows have them, and throws ExpectedErrors;
 * somebody else's execution, or an agent that the caller does not see, is the same answer as none.
 */
export function createAgentRuns(ports: AgentPorts) {
  return {
    /**
     * Starts a run. Row, stream, the agent as it is now and the place in the queue come into being in one transaction, or
     * nothing does; whatever can be refused is refused before.
     *
     * @param userId whose run it is
     * @param raw checked against `runInput`
     * @returns the id of the execution; of the earlier one where the idempotency key was used for the same before
     */
    async start(db: Lease, userId: string, raw: unknown): Promise<string> {
      const { idempotencyKey, priority, tenantId, ...input } = validated(runInput, raw, []);
      const asked = { ...input, tenantId: tenantId ?? null, retryOf: null };
      return await begin(db, { userId, asked, priority, key: idempotencyKey ?? undefined });
    },

    /** Runs an ended execution again, with the agent as it is now, as a new one that names it. @throws {ExecutionNotEndedError} */
    async retry(db: Lease, userId: string, id: string, raw: unknown): Promise<string> {
      const { idempotencyKey } = validated(retryInput, raw, []);
      const found = isUuid(id) ? await endedRun(db.sql, userId, id) : undefined;
      if (found === undefined) throw new NotFoundError('agent execution', id);
      const { status, priority, ...asked } = found;
      if (!TERMINAL.includes(status)) throw new ExecutionNotEndedError(id);
      return await begin(db, {
        userId,
        asked: { ...asked, retryOf: id.toLowerCase() },
        priority,
        key: idempotencyKey ?? undefined,
      });
    },

    /** Ends a run that waits, at once; asks the worker of one that runs. What it has started ends, too. @throws {ExecutionEndedError} */
    async cancel(db: Lease, id: string, raw: unknown): Promise<void> {
      const { reason } = validated(cancelInput, raw, []);
      const ref = refOf('agent', id);
      await feedOf('agent', id, requestCancel(db.sql, { ...ref, ...(reason && { reason }) }));
    },

    /**
     * Lets a run make the call that it waits for, or not. The same decision again changes nothing.
     *
     * @throws {ConflictError} where it was decided otherwise
     */
    async decide(db: Lease, id: string, raw: unknown): Promise<void> {
      const { approvalId, decision, comment } = validated(decisionInput, raw, []);
      if (!isUuid(id)) throw new NotFoundError('agent execution', id);
      const call = callAppending<string>(db.sql, refOf('agent', id), {
        expression: `case $1::text when 'agent' then
            runcast.decide_agent_approval($2::text::uuid, $3, $4, $5) end`,
        values: [approvalId, decision, comment ?? null],
        news: () => ({ ended: false }),
      });
      const answer = await feedOf('agent', id, call);
      if (answer === 'missing') throw new NotFoundError('approval', approvalId, { path: ['approvalId'] });
      if (answer === 'decided' || answer === decision) return;
      throw new ConflictError(`It was ${answer} already.`, { path: ['decision'] });
    },
  };

  async function begin(db: Lease, { userId, asked, priority, key }: Begin): Promise<string> {
    const earlier = key && (await earlierRun(db, userId, asked, key));
    if (earlier) return earlier;
    const path = (field: string) => [asked.retryOf === null ? field : 'id'];
    const agent = await runnableAgent(db.sql, asked.agentId);
    if (agent === undefined) throw new NotFoundError('agent', asked.agentId, { path: path('agentId') });
    if (!agent.enabled) {
      throw new ForbiddenError('The agent is disabled.', {
        path: path('agentId'),
        remedy: 'Enable it with enableAgent.',
      });
    }
    if (agent.tenantId !== null) await assertMayStartIn(db, userId, agent.tenantId, path('agentId'));
    const tenantId = asked.tenantId ?? agent.tenantId;
    if (tenantId !== null && tenantId !== agent.tenantId) {
      await assertMayStartIn(db, userId, tenantId, path('tenantId'));
    }
    const paths = { agent: path('agentId'), input: path('input') };
    await assertRunnable(db.sql, agent.row, asked.input, { ports, paths });
    return await insert(db, { userId, asked, priority, key }, tenantId);
  }

  async function insert(
    db: Lease,
    { userId, asked, priority, key }: Begin,
    tenantId: string | null,
  ): Promise<string> {
    const { agentId, input, stream, retryOf } = asked;
    try {
      return await db.transaction(({ sql }) =>
        startAgent(sql, {
          ...{ agentId, input, stream, userId, tenantId, priority },
          ...(key && { idempotencyKey: key }),
          ...(retryOf && { retryOf }),
        }),
      );
    } catch (error) {
      if (!key || codeOf(error) !== UNIQUE_VIOLATION) throw startRefusal(error);
      // Another call with the same key was faster, and has committed by now.
      const winner = await earlierRun(db, userId, asked, key);
      if (winner) return winner;
      throw keyIsTaken('This idempotency key has started an execution that you may no longer see.');
    }
  }
}

async function earlierRun(
  db: Lease,
  userId: string,
  asked: AskedRun,
  key: string,
): Promise<string | undefined> {
  const found = await earlierRunByKey(db.sql, userId, key);
  if (found === undefined) return undefined;
  const { id, agentTenantId, ...before } = found;
  const now = { ...asked, tenantId: asked.tenantId ?? agentTenantId };
  if (isDeepStrictEqual(before, JSON.parse(JSON.stringify(now)))) return id;
  throw keyIsTaken(`This idempotency key has started ${id} already, with another input.`);
}

function keyIsTaken(message: string): ConflictError {
  return new ConflictError(message, {
    path: ['idempotencyKey'],
    remedy: 'Send the same input to get that execution, or another key to start a new one.',
  });
}
