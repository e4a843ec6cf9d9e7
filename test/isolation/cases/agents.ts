import type { Client } from 'pg';
import { startAgent } from '../../../src/modules/agents/run-service.ts';
import { appendEvents, finishExecution, takeExecution } from '../../../src/platform/feed/feed.ts';
import { insertAgent, insertAgentExecution } from '../../support/agents.ts';
import {
  asPerson,
  type Cases,
  edges,
  globalOnly,
  type MakeTarget,
  type Person,
  type Seen,
  sqlOf,
} from '../case.ts';
import { tenant } from './accounts.ts';
import { runsOf } from './runs.ts';

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

/** An agent that can be run without a model. */
function insertRunnable(admin: Client, person: Person): Promise<string> {
  const tool = { id: 't', name: person.mark, description: person.mark, category: 'validation' };
  return insertAgent(admin, person.tenantId, {
    ...{ name: person.mark, createdBy: person.id, tools: [{ ...tool, config: { schema: {} } }] },
    executionConfig: { model: { provider: 'openai-compatible', name: person.mark } },
    memoryConfig: { kinds: ['working'] },
  });
}

const runnable: MakeTarget = async (admin, person) => {
  const id = await insertRunnable(admin, person);
  await admin.query("update public.agents set execution_config = '{}' where id = $1", [id]);
  return {
    id: { row: id, typename: 'Agent' },
    tenantId: { row: person.tenantId, typename: 'Tenant' },
  };
};

/** A run that waits for a person, with the steps it has done; it runs another again that has failed. */
async function insertRun(admin: Client, person: Person) {
  const agentId = await insertRunnable(admin, person);
  await admin.query("update public.agents set execution_config = '{}' where id = $1", [agentId]);
  const start = async (retryOf?: string) => {
    const input = { note: person.mark };
    const of = { agentId, input, userId: person.id, tenantId: person.tenantId };
    return await asPerson(admin, person, () =>
      startAgent(sqlOf(admin), { ...of, ...(retryOf !== undefined && { retryOf }) }),
    );
  };
  const first = await start();
  const attempt = (await takeExecution(sqlOf(admin), { kind: 'agent', id: first, worker: 'w' })) ?? 0;
  await finishExecution(sqlOf(admin), {
    kind: 'agent',
    id: first,
    attempt,
    status: 'failed',
    error: person.mark,
  });
  const second = await start(first);
  await admin.query(
    `insert into runcast.agent_steps (execution_id, agent_id, key, index, kind, name, state, idempotency_key, output, error,
       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens)
     values ($1, $2, 'model/0', 0, 'model', $3, 'failed', $3, jsonb_build_object('text', $3::text),
       jsonb_build_object('message', $3::text), 1, 2, 3, 4)`,
    [second, agentId, person.mark],
  );
  const { rows } = await admin.query<{ id: string }>(
    `insert into runcast.agent_approvals (execution_id, step_key, tool, prompt, arguments)
     values ($1, 'model/0/tool/0', $2, $2, jsonb_build_object('note', $2::text)) returning id`,
    [second, person.mark],
  );
  await admin.query(
    `update public.agent_executions set metrics = '{"usage": {"input": 1, "cachedInput": 2, "output": 3, "reasoning": 4}}'
     where id = $1`,
    [second],
  );
  return { agentId, first, second, approvalId: rows[0]?.id ?? '' };
}

export const waitingRun: MakeTarget = async (admin, person) => {
  const { second, approvalId } = await insertRun(admin, person);
  return { executionId: { row: second, typename: 'AgentExecution' }, approvalId: { row: approvalId } };
};

const failedRun: MakeTarget = async (admin, person) => ({
  executionId: { row: (await insertRun(admin, person)).first, typename: 'AgentExecution' },
});

const withModel: MakeTarget = async (admin, person) => ({
  id: { row: await insertRunnable(admin, person), typename: 'Agent' },
});

const reads: Seen = { as: 'the owner', because: 'viewers of a tenant read its agents' };
const changes: Seen = { as: 'forbidden', because: 'viewers of a tenant read its agents and change none' };

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
  ...edges(
    ['capabilities', 'executionConfig', 'memoryConfig', 'safetyConstraints', 'tenant', 'tools'].map(
      (name) => `Agent.${name}`,
    ),
    { call: 'agent(id: $id)', target: agent, seen },
  ),
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
  ...runsOf('Agent', agent),
  'Tenant.agents': { call: 'tenant(id: $id)', target: tenant, seen },

  'AgentExecutionConfig.model': {
    call: 'agent(id: $id)',
    under: ['executionConfig'],
    target: withModel,
    seen,
  },
  ...edges(
    ['steps', 'approvals', 'retryOf', 'usage'].map((name) => `AgentExecution.${name}`),
    { call: 'agentExecution(id: $executionId)', target: waitingRun },
  ),
  ...edges(['AgentRunStep.error', 'AgentRunStep.usage'], {
    call: 'agentExecution(id: $executionId)',
    under: ['steps'],
    target: waitingRun,
  }),
  'Mutation.runAgent': [
    { call: 'runAgent(agentId: $id)', target: runnable, seen: { viewer: changes } },
    { call: 'runAgent(agentId: $id, tenantId: $tenantId)', target: runnable, seen: { viewer: changes } },
  ],
  'Mutation.retryAgentExecution': { call: 'retryAgentExecution(id: $executionId)', target: failedRun },
  'Mutation.cancelAgentExecution': {
    call: 'cancelAgentExecution(id: $executionId, reason: "not mine")',
    target: waitingRun,
  },
  'Mutation.decideAgentApproval': {
    call: 'decideAgentApproval(executionId: $executionId, approvalId: $approvalId, decision: APPROVED)',
    target: waitingRun,
  },
  'Subscription.agentExecutionEvents': { call: 'agentExecutionEvents(id: $executionId)', target: failedRun },
  'Subscription.agentExecutionChanged': {
    call: 'agentExecutionChanged(id: $executionId)',
    target: failedRun,
  },

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
