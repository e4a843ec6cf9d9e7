import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { insertAgent, insertAgentExecution } from '../../support/agents.ts';
import { type Cases, edges, globalOnly, type MakeTarget, type Seen, sqlOf } from '../case.ts';
import { tenant } from './accounts.ts';

/** With everything that a shape can hold, run once by the person. */
const agent: MakeTarget = async (admin, person) => {
  const retry = { enabled: true, maxAttempts: 2 };
  const id = await insertAgent(admin, person.tenantId, {
    name: person.mark,
    createdBy: person.id,
    capabilities: { canRead: true },
    tools: [
      {
        ...{ id: 't', name: person.mark, description: person.mark, category: 'api', timeout: 1000, retry },
        parameters: { p: { type: 'string', required: true, description: person.mark } },
      },
    ],
    executionConfig: { mode: 'sync', timeout: 1000, retry },
    memoryConfig: { type: 'short_term' },
    safetyConstraints: { maxCost: '1', rateLimit: { requests: 1, windowMs: 1000 } },
  });
  const ids = { agentId: id, userId: person.id, tenantId: person.tenantId };
  const execution = await insertAgentExecution(admin, ids, {
    status: 'running',
    error: { message: person.mark },
    metrics: { duration: 7, cost: '0.5' },
  });
  const log = { type: 'log', payload: { level: 'info', message: person.mark, source: 'stdout' } } as const;
  await appendEvents(sqlOf(admin), { kind: 'agent', id: execution, events: [log] });
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.agent_execution_logs (execution_id, agent_id, user_id, tenant_id, status, started_at, error)
     values ($1, $2, $3, $4, 'started', now(), jsonb_build_object('message', $5::text)) returning id`,
    [execution, id, person.id, person.tenantId, person.mark],
  );
  return {
    id: { row: id, typename: 'Agent' },
    executionId: { row: execution, typename: 'AgentExecution' },
    logId: { row: rows[0]?.id ?? '', typename: 'AgentExecutionLog' },
    tenantId: { row: person.tenantId, typename: 'Tenant' },
  };
};

const reads: Seen = { as: 'the owner', because: 'viewers of a tenant read its agents' };
const changes: Seen = { as: 'forbidden', because: 'viewers of a tenant read its agents and change none' };
const ofOwner: Seen = {
  as: 'parent only',
  because: 'a viewer sees the agent; its runs are seen by their owners',
};
const inTenant: Seen = {
  as: 'parent only',
  because: 'a viewer sees the tenant; runs are seen by their owners',
};

const names: Seen = { as: 'the owner', because: 'whoever sees an agent may name it in his own' };

const seen = { viewer: reads };
const change = (call: string) => ({ call, target: agent, seen: { viewer: changes } });
const making = 'name: $fresh, version: "1.0.0", category: ANALYSIS, outputType: TEXT';

export const agents: Cases = {
  'Query.agent': { call: 'agent(id: $id)', target: agent, seen },
  'Query.agents': [
    { call: 'agents(first: 100)', seen },
    { call: 'agents(filter: { tenantId: $id })', target: tenant, seen },
  ],
  'Query.node(Agent)': { call: 'node(id: $id)', target: globalOnly(agent, 'id'), seen },
  'Query.node(AgentExecution)': { call: 'node(id: $id)', target: globalOnly(agent, 'executionId') },
  'Query.node(AgentExecutionLog)': { call: 'node(id: $id)', target: globalOnly(agent, 'logId') },
  'Query.agentExecution': { call: 'agentExecution(id: $executionId)', target: agent },
  'Query.agentExecutions': [
    { call: 'agentExecutions(first: 100)' },
    { call: 'agentExecutions(filter: { agentId: $id })', target: agent },
    { call: 'agentExecutions(filter: { tenantId: $id })', target: tenant },
  ],
  'Query.agentExecutionLogs': [
    { call: 'agentExecutionLogs(first: 100)' },
    { call: 'agentExecutionLogs(filter: { agentId: $id, tenantId: $tenantId })', target: agent },
  ],
  ...edges(
    ['capabilities', 'executionConfig', 'memoryConfig', 'safetyConstraints', 'tenant', 'tools'].map(
      (name) => `Agent.${name}`,
    ),
    { call: 'agent(id: $id)', target: agent, seen },
  ),
  'Agent.executions': { call: 'agent(id: $id)', target: agent, seen: { viewer: ofOwner } },
  'AgentExecutionConfig.retry': { call: 'agent(id: $id)', under: ['executionConfig'], target: agent, seen },
  'AgentSafetyConstraints.rateLimit': {
    call: 'agent(id: $id)',
    under: ['safetyConstraints'],
    target: agent,
    seen,
  },
  ...edges(['AgentTool.parameters', 'AgentTool.retry'], {
    call: 'agent(id: $id)',
    under: ['tools'],
    target: agent,
    seen,
  }),
  ...edges(
    ['agent', 'error', 'events', 'logs', 'metrics', 'stateLogs', 'tenant'].map(
      (name) => `AgentExecution.${name}`,
    ),
    { call: 'agentExecution(id: $executionId)', target: agent },
  ),
  ...edges(
    ['agent', 'error', 'execution', 'tenant'].map((name) => `AgentExecutionLog.${name}`),
    { call: 'agentExecution(id: $executionId)', under: ['stateLogs'], target: agent },
  ),
  'Tenant.agents': { call: 'tenant(id: $id)', target: tenant, seen },
  'Tenant.agentExecutions': { call: 'tenant(id: $id)', target: tenant, seen: { viewer: inTenant } },

  'Mutation.createAgent': [
    {
      call: `createAgent(input: { tenantId: $id, ${making} })`,
      target: tenant,
      seen: { viewer: changes },
    },
    {
      call: `createAgent(input: { tenantId: $ownTenant, ${making}, executionConfig: { retry: { fallbackAgent: $id } } })`,
      target: agent,
      seen: { viewer: names },
    },
    change(
      `createAgent(input: { tenantId: $tenantId, ${making}, executionConfig: { retry: { fallbackAgent: $id } } })`,
    ),
  ],
  'Mutation.cloneAgent': [
    change('cloneAgent(id: $id, input: { tenantId: $tenantId, name: $fresh })'),
    { call: 'cloneAgent(id: $id, input: { tenantId: $ownTenant, name: $fresh })', target: agent, seen },
  ],
  'Mutation.updateAgent': change('updateAgent(id: $id, input: { name: $fresh })'),
  'Mutation.enableAgent': change('enableAgent(id: $id, enabled: false)'),
  'Mutation.deprecateAgent': change('deprecateAgent(id: $id)'),
  'Mutation.deleteAgent': change('deleteAgent(id: $id)'),
};
