import { type Cases, edges } from '../case.ts';
import { tenant } from './accounts.ts';
import { endedRun } from './training.ts';

const PERIOD = 'period: { from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z" }';

export const executions: Cases = {
  'Query.searchLogs': { call: 'searchLogs(executionId: $id, query: "mark")', target: endedRun },
  'Query.executionStats': [
    { call: `executionStats(kind: TRAINING, ${PERIOD})` },
    { call: `executionStats(kind: AGENT, ${PERIOD}, tenantId: $id)`, target: tenant },
  ],
  ...edges(['ExecutionStats.durations', 'ExecutionStats.statuses'], {
    call: `executionStats(kind: TRAINING, ${PERIOD}, tenantId: $id)`,
    target: tenant,
  }),
};
