import type { ServiceDatabase } from '../../../platform/db/service.ts';
import type { Sql } from '../../../platform/db/sql.ts';
import { FeedError } from '../../../platform/feed/errors.ts';
import type { ExecutionRef } from '../../../platform/feed/events.ts';
import { StepError } from '../../steps/step.ts';
import { Suspended } from '../failure.ts';
import type { Journal } from './journal.ts';

export type Child = {
  key: string;
  name: string;
  kind: 'agent' | 'workflow';
  /** Starts it, in the transaction that `sql` runs in; returns its id. */
  start(sql: Sql, idempotencyKey: string): Promise<string>;
};

export type Children = {
  /**
   * The output of a run that this one starts as a part of itself, once, in whichever attempt.
   *
   * @throws {Suspended} until it has ended
   * @throws {StepError} CHILD_FAILED
   */
  outputOf(child: Child): Promise<unknown>;
};

type State = { status: string; output: unknown; error: { message?: unknown } | null };

const STATE = {
  agent: 'select status, output, error from public.agent_executions where id = $1',
  workflow: 'select status, output, error from public.workflow_executions where id = $1',
};

/** Anything else that the feed refuses means that the run is not this worker's any more. */
function refused(error: unknown): never {
  if (!(error instanceof FeedError) || (error.code !== 'TOO_DEEP' && error.code !== 'QUEUE_FULL'))
    throw error;
  throw new StepError({ code: error.code, message: error.message }, { isFinal: true });
}

export function createChildren(options: {
  database: ServiceDatabase;
  journal: Journal;
  userId: string;
}): Children {
  const { database, journal, userId } = options;

  /** A worker that was lost may have started it and not have noted that down. */
  async function startedOnce({ kind, start }: Child, key: string): Promise<string> {
    return await database.transaction(async (sql) => {
      const [earlier] = await sql.query<{ id: string }>(
        `select execution_id as id from runcast.execution_streams
         where user_id = $1 and kind = $2 and idempotency_key = $3`,
        [userId, kind, key],
      );
      return earlier?.id ?? (await start(sql, key).catch(refused));
    });
  }

  async function idOf(child: Child): Promise<string> {
    const { key, name, kind } = child;
    const found = await journal.begin({ key, kind: 'child', name, input: { kind } });
    if ('row' in found) return (found.row.output as ExecutionRef).id;
    const id = await startedOnce(child, found.begun.idempotencyKey);
    await journal.end(key, { state: 'completed', output: { kind, id } });
    return id;
  }

  return {
    async outputOf(child) {
      const id = await idOf(child);
      const [state] = await database.sql.query<State>(STATE[child.kind], [id]);
      if (state?.status === 'completed') return state.output;
      if (state && !['failed', 'cancelled'].includes(state.status)) {
        throw new Suspended(`waits for the ${child.kind} execution ${id}`);
      }
      const why = typeof state?.error?.message === 'string' ? `: ${state.error.message}` : '';
      const message = `the ${child.kind} execution ${id} ${state?.status ?? 'was deleted'}${why}`;
      throw new StepError({ code: 'CHILD_FAILED', message }, { isFinal: true });
    },
  };
}
