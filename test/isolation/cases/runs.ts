import { type Cases, edges, globalOnly, type MakeTarget, type Seen } from '../case.ts';
import { tenant } from './accounts.ts';

const inTenant: Seen = {
  as: 'parent only',
  because: 'a viewer sees the tenant; runs are seen by their owners',
};
const ofOwner: Seen = {
  as: 'parent only',
  because: 'a viewer sees what was run; its runs are seen by their owners',
};

/**
 * What the executions of agents and of workflows have in common.
 *
 * @param target gives `$id` of what was run, `$executionId`, and `$logId` of a state it passed through
 */
export function runsOf(kind: 'Agent' | 'Workflow', target: MakeTarget): Cases {
  const field = kind.toLowerCase();
  const execution = { call: `${field}Execution(id: $executionId)`, target };
  const all = (type: string, names: readonly string[]) => names.map((name) => `${type}.${name}`);
  return {
    [`Query.${field}Execution`]: execution,
    [`Query.${field}Executions`]: [
      { call: `${field}Executions(first: 100)` },
      { call: `${field}Executions(filter: { ${field}Id: $id, tenantId: $tenantId })`, target },
    ],
    [`Query.${field}ExecutionLogs`]: [
      { call: `${field}ExecutionLogs(first: 100)` },
      { call: `${field}ExecutionLogs(filter: { ${field}Id: $id, tenantId: $tenantId })`, target },
    ],
    [`Query.node(${kind}Execution)`]: { call: 'node(id: $id)', target: globalOnly(target, 'executionId') },
    [`Query.node(${kind}ExecutionLog)`]: { call: 'node(id: $id)', target: globalOnly(target, 'logId') },
    ...edges(
      all(`${kind}Execution`, ['error', 'events', 'logs', 'metrics', 'stateLogs', 'tenant', field]),
      execution,
    ),
    ...edges(all(`${kind}ExecutionLog`, ['error', 'execution', 'tenant', field]), {
      ...execution,
      under: ['stateLogs'],
    }),
    [`${kind}.executions`]: { call: `${field}(id: $id)`, target, seen: { viewer: ofOwner } },
    [`Tenant.${field}Executions`]: { call: 'tenant(id: $id)', target: tenant, seen: { viewer: inTenant } },
  };
}
