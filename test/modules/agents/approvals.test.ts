import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { type AgentRuns, openAgentRuns } from '../../support/agent-runs.ts';
import type { Data } from '../../support/api.ts';
import { type ModelServer, startModelServer } from '../../support/model-server.ts';
import { apiTool, callOverHttp, startToolServer } from '../../support/tool-server.ts';

let server: ModelServer;
let runs: AgentRuns;
let names: string[];

beforeAll(async () => {
  server = await startModelServer(({ messages }) => {
    const told = messages.filter(({ role }) => role === 'tool').map(({ content }) => String(content));
    return told.length > 0
      ? { text: [told.join('|')] }
      : { calls: names.map((name) => ({ name, args: '{}' })) };
  });
  runs = await openAgentRuns({ baseUrl: server.baseUrl, ports: { toolRunners: { api: callOverHttp } } });
});
afterAll(async () => {
  await runs.close();
  await server.close();
});
beforeEach(() => {
  names = ['pay'];
});

const DECIDE = `mutation ($id: ID!, $approval: ID!, $decision: AgentApprovalDecision!, $comment: String) {
  decideAgentApproval(executionId: $id, approvalId: $approval, decision: $decision, comment: $comment) {
    __typename ... on AgentExecution { status } ... on Error { code message path }
  }
}`;

async function decide(id: string, approval: string, decision: string, more: object = {}): Promise<Data> {
  const { data, errors } = await runs.api.ask(DECIDE, { id, approval, decision, ...more }, runs.user);
  expect(errors).toBeUndefined();
  return data.decideAgentApproval;
}

/** A run that waits: its worker has handed it back. */
async function waiting(requireHumanApproval: string[]) {
  const tools = await startToolServer(({ path }) => `${path} done`);
  onTestFinished(tools.close);
  const id = await runs.run(
    await runs.agent({
      ...{ planningStyle: 'reactive', capabilities: { canAccessExternalAPIs: true } },
      safetyConstraints: { requireHumanApproval },
      tools: ['pay', 'look'].map((name) => apiTool(tools.url, name)),
    }),
  );
  const events = await runs.events(id, ({ from, to }) => from === 'running' && to === 'pending');
  return { id, tools, events, state: await runs.state(id) };
}

it('asks before a call, waits without a worker, and makes the call once it may', async () => {
  const { id, tools, events, state } = await waiting(['pay']);
  expect(tools.requests).toEqual([]);
  const asked = events.find(({ __typename }) => __typename === 'ApprovalEvent');
  expect(asked).toMatchObject({ stepId: 'model/0/tool/0', decision: null });
  expect(events.at(-1)).toMatchObject({ to: 'pending', reason: 'waits for a decision' });
  const { rows } = await runs.api.admin.query('select from runcast.run_queue where execution_id = $1', [id]);
  expect(rows).toEqual([]);

  const [approval] = state.approvals;
  expect(approval).toMatchObject({ tool: 'pay', decision: null });
  expect(await decide(id, approval.id, 'APPROVED')).toMatchObject({ __typename: 'AgentExecution' });
  expect(await runs.ended(id)).toMatchObject({ status: 'COMPLETED', output: '/pay done', attempt: 2 });
  expect(tools.requests).toHaveLength(1);
});

it('tells the model of a rejection with the reason, and calls nothing', async () => {
  const { id, tools, state } = await waiting(['api']);
  await decide(id, state.approvals[0].id, 'REJECTED', { comment: 'too much' });
  const ended = await runs.ended(id);
  expect(ended.output).toBe('REJECTED: a person has rejected the call of pay: too much');
  expect(tools.requests).toEqual([]);
});

it('makes the calls of an answer that need no consent, and asks for all others before it waits', async () => {
  names = ['look', 'pay', 'pay'];
  const { id, tools, state } = await waiting(['pay']);
  expect(tools.requests.map(({ path }) => path)).toEqual(['/look']);
  expect(state.approvals).toHaveLength(2);
  const [first, second] = state.approvals;
  await decide(id, first.id, 'APPROVED');
  expect(await runs.state(id)).toMatchObject({ status: 'PENDING' });
  await decide(id, second.id, 'APPROVED');
  expect(await runs.ended(id)).toMatchObject({ output: '/look done|/pay done|/pay done' });
  expect(tools.requests.map(({ path }) => path)).toEqual(['/look', '/pay', '/pay']);
});

it('takes a decision of its owner alone, and once: the same again changes nothing, another one is a conflict', async () => {
  names = ['pay', 'pay'];
  const { id, state } = await waiting(['pay']);
  const approval = state.approvals[0].id;
  const stranger = await runs.api.makeUser();
  const { data } = await runs.api.ask(DECIDE, { id, approval, decision: 'APPROVED' }, stranger);
  expect(data.decideAgentApproval).toMatchObject({ code: 'NOT_FOUND' });
  expect(await decide(id, randomUUID(), 'APPROVED')).toMatchObject({
    code: 'NOT_FOUND',
    path: ['approvalId'],
  });
  const twice = await Promise.all([1, 2].map(() => decide(id, approval, 'REJECTED')));
  expect(twice.map(({ __typename }) => __typename)).toEqual(['AgentExecution', 'AgentExecution']);
  expect(await decide(id, approval, 'APPROVED')).toMatchObject({ code: 'CONFLICT', path: ['decision'] });
  const { rows } = await runs.api.admin.query(
    'select decision, decided_by from runcast.agent_approvals where execution_id = $1 order by decision',
    [id],
  );
  expect(rows).toEqual([
    { decision: 'rejected', decided_by: runs.user.id },
    { decision: null, decided_by: null },
  ]);
});

it('ends at once where it is cancelled while it waits', async () => {
  const { id, state } = await waiting(['pay']);
  const { data } = await runs.api.ask(
    'mutation ($id: ID!) { cancelAgentExecution(id: $id, reason: "no more") { ... on AgentExecution { status } } }',
    { id },
    runs.user,
  );
  expect(data.cancelAgentExecution).toEqual({ status: 'CANCELLED' });
  expect(await decide(id, state.approvals[0].id, 'APPROVED')).toMatchObject({ code: 'EXECUTION_ENDED' });
  const logs = (await runs.state(id)).stateLogs.edges;
  expect(logs.at(-1).node.status).toBe('CANCELLED');
});
