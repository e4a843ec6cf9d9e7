import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { callAppending } from '../../../platform/feed/feed.ts';
import type { ActiveRun } from '../../executions/active-runs.ts';
import type { RunFeed } from '../../executions/run-feed.ts';
import type { Outcome } from './attempt.ts';
import type { RunParts } from './parts.ts';

export type SettleOptions = {
  executionId: string;
  attempt: number;
  database: ServiceDatabase;
  run: ActiveRun;
  feed: RunFeed;
  persist: RunParts['persist'];
};

/** Writes down what has come of an attempt. */
export async function settle(outcome: Outcome, options: SettleOptions): Promise<void> {
  const { executionId, database, run, feed, persist } = options;
  switch (outcome.status) {
    case 'completed':
      return feed.finish({ status: 'completed', result: outcome.output ?? null });
    case 'failed': {
      const { code, message } = outcome.failure;
      await persist(() =>
        database.sql.query('update runcast.agent_runs set error = $2::jsonb where execution_id = $1', [
          executionId,
          JSON.stringify({ name: outcome.failure.name, code, message }),
        ]),
      );
      // The database puts the error of agent_runs, which has the code as well, on the row with the status.
      return feed.finish({ status: 'failed', reason: message });
    }
    case 'cancelled':
      return feed.finish({ status: 'cancelled', reason: run.cancelReason() ?? 'cancelled' });
    case 'suspended':
      return handBack(options, 'runcast.suspend_agent_run($2::text::uuid, $3, $4, $5)', [
        ...[outcome.reason, outcome.spentMs],
      ]);
    case 'retried':
      return handBack(options, 'runcast.retry_agent_run($2::text::uuid, $3, $4, $5, $6)', [
        ...[outcome.reason, outcome.delayMs, outcome.spentMs],
      ]);
    case 'released':
      return feed.release(outcome.reason);
    case 'lost':
      return;
  }
}

/** Not in a loop that outlasts the database: where the answer is lost, the job is delivered again and the run replayed. */
function handBack(
  { executionId, attempt, database }: SettleOptions,
  call: string,
  values: unknown[],
): Promise<void> {
  return callAppending<void>(
    database.sql,
    { kind: 'agent', id: executionId },
    {
      expression: `case $1::text when 'agent' then ${call}::text end`,
      values: [attempt, ...values],
      news: () => ({ ended: false }),
    },
  );
}
