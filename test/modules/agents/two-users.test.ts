import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { insertAgent, insertAgentExecution, insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, type User } from '../../support/api.ts';

let api: TestApi;
let tenantId: string;
let foreignTenantId: string;
const users = {} as Record<'admin' | 'member' | 'viewer' | 'billing' | 'suspended' | 'stranger', User>;
/** Made by the member, and by nobody that is known. */
let own: string;
let other: string;
let executionId: string;

beforeAll(async () => {
  api = await startApi();
  for (const name of ['admin', 'member', 'viewer', 'billing', 'suspended', 'stranger'] as const) {
    users[name] = await api.makeUser();
  }
  tenantId = await insertTenant(api.admin, [
    { user: users.admin, role: 'admin' },
    { user: users.member, role: 'member' },
    { user: users.viewer, role: 'viewer' },
    { user: users.billing, role: 'billing' },
    { user: users.suspended, role: 'admin', status: 'suspended' },
  ]);
  foreignTenantId = await insertTenant(api.admin, [{ user: users.stranger, role: 'admin' }]);
});
beforeEach(async () => {
  await api.admin.query('delete from public.agents');
  own = await insertAgent(api.admin, tenantId, { name: 'own', createdBy: users.member.id });
  other = await insertAgent(api.admin, tenantId, { name: 'other' });
  executionId = await insertAgentExecution(api.admin, { agentId: own, userId: users.member.id, tenantId });
  await api.admin.query(
    `insert into public.agent_execution_logs (execution_id, agent_id, user_id, status, started_at)
     values ($1, $2, $3, 'started', now())`,
    [executionId, own, users.member.id],
  );
});
afterAll(() => api.close());

const everything = async () =>
  (
    await api.admin.query(
      `select (select jsonb_agg(a order by id) from public.agents a) as agents,
         (select jsonb_agg(e order by id) from public.agent_executions e) as executions`,
    )
  ).rows[0];

const READ = `query ($own: ID!, $execution: ID!, $node: ID!) {
  agent(id: $own) { name executions { totalCount } }
  agents { totalCount }
  agentExecution(id: $execution) { databaseId events { edges { node { seq } } } stateLogs { totalCount } }
  agentExecutions { totalCount }
  agentExecutionLogs { totalCount }
  node(id: $node) { id }
}`;
const read = (as?: User) =>
  api.ask(READ, { own, execution: executionId, node: Buffer.from(`Agent:${own}`).toString('base64') }, as);

describe('what is read', () => {
  it('is everything for the member whose run it is', async () => {
    const { data, errors } = await read(users.member);
    expect(errors).toBeUndefined();
    expect(data).toEqual({
      agent: { name: 'own', executions: { totalCount: 1 } },
      agents: { totalCount: 2 },
      agentExecution: {
        databaseId: executionId,
        events: { edges: [{ node: { seq: 1 } }] },
        stateLogs: { totalCount: 1 },
      },
      agentExecutions: { totalCount: 1 },
      agentExecutionLogs: { totalCount: 1 },
      node: { id: expect.any(String) },
    });
  });

  it.each(['admin', 'viewer'] as const)('is the agents, and no run of others, for the %s', async (name) => {
    const { data, errors } = await read(users[name]);
    expect(errors).toBeUndefined();
    expect(data).toEqual({
      agent: { name: 'own', executions: { totalCount: 0 } },
      agents: { totalCount: 2 },
      agentExecution: null,
      agentExecutions: { totalCount: 0 },
      agentExecutionLogs: { totalCount: 0 },
      node: { id: expect.any(String) },
    });
  });

  it.each(['billing', 'suspended', 'stranger'] as const)('is nothing for the %s', async (name) => {
    const { data, errors } = await read(users[name]);
    expect(errors).toBeUndefined();
    expect(data).toEqual({
      agent: null,
      agents: { totalCount: 0 },
      agentExecution: null,
      agentExecutions: { totalCount: 0 },
      agentExecutionLogs: { totalCount: 0 },
      node: null,
    });
  });

  it.each([
    'agent(id: "x") { name }',
    'agents { totalCount }',
    'agentExecution(id: "x") { status }',
    'agentExecutions { totalCount }',
    'agentExecutionLogs { totalCount }',
  ])('needs a token: %s', async (field) => {
    const { data, errors } = await api.ask(`{ a: ${field} }`);
    expect(data?.a ?? null).toBeNull();
    expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });
});

const input = { name: 'new', version: '1.0.0', category: 'ANALYSIS', outputType: 'TEXT' };
const create = 'createAgent(input: $input)';
/** By name, with the agent that it is about. */
const mutations: Record<string, { call: string; id: () => string }> = {
  createAgent: { call: create, id: () => other },
  'updateAgent of another’s': { call: 'updateAgent(id: $id, input: {description: "x"})', id: () => other },
  enableAgent: { call: 'enableAgent(id: $id, enabled: false)', id: () => other },
  deprecateAgent: { call: 'deprecateAgent(id: $id)', id: () => other },
  cloneAgent: { call: 'cloneAgent(id: $id, input: {name: "copy"})', id: () => other },
  'deleteAgent of another’s': { call: 'deleteAgent(id: $id)', id: () => other },
  'deleteAgent of the member’s': { call: 'deleteAgent(id: $id)', id: () => own },
};

async function change(name: string, as: User | undefined): Promise<Data> {
  const { call = '', id } = mutations[name] ?? {};
  const { data, errors } = await api.ask(
    `mutation ${call === create ? '($input: CreateAgentInput!)' : '($id: ID!)'} {
      result: ${call} { __typename ... on Error { code } }
    }`,
    call === create ? { input: { ...input, tenantId } } : { id: id?.() },
    as,
  );
  expect(errors).toBeUndefined();
  return data.result;
}
const names = Object.keys(mutations);

describe('what is changed', () => {
  it.each(names)('%s: by an admin', async (name) => {
    expect((await change(name, users.admin)).__typename).toMatch(/^(Agent|Deleted)$/);
  });

  it.each(names.filter((name) => name !== 'deleteAgent of another’s'))('%s: by a member', async (name) => {
    expect((await change(name, users.member)).__typename).toMatch(/^(Agent|Deleted)$/);
  });

  it('deleteAgent of another’s: not by a member', async () => {
    const before = await everything();
    expect((await change('deleteAgent of another’s', users.member)).code).toBe('FORBIDDEN');
    expect(await everything()).toEqual(before);
  });

  it.each(names)('%s: not by a viewer, who is told so', async (name) => {
    const before = await everything();
    expect((await change(name, users.viewer)).code).toBe('FORBIDDEN');
    expect(await everything()).toEqual(before);
  });

  it.each(names)('%s: by nobody who does not see it, as if it were not there', async (name) => {
    const before = await everything();
    for (const as of [users.suspended, users.stranger]) {
      expect((await change(name, as)).code).toBe('NOT_FOUND');
    }
    // The billing role sees the tenant, but no agents.
    const refused = name === 'createAgent' ? 'FORBIDDEN' : 'NOT_FOUND';
    expect((await change(name, users.billing)).code).toBe(refused);
    expect(await everything()).toEqual(before);
  });

  it.each(names)('%s: not without a token', async (name) => {
    const before = await everything();
    expect((await change(name, undefined)).code).toBe('UNAUTHENTICATED');
    expect(await everything()).toEqual(before);
  });

  it('gives the same answer for what is not the caller’s as for what is not there', async () => {
    const nowhere = randomUUID();
    const ask = async (id: string) => {
      const { data } = await api.ask(
        `mutation ($id: ID!) {
          a: updateAgent(id: $id, input: {name: "x"}) { ... on Error { code message path remedy } }
          b: enableAgent(id: $id) { ... on Error { code message path remedy } }
          c: cloneAgent(id: $id, input: {}) { ... on Error { code message path remedy } }
          d: deleteAgent(id: $id) { ... on Error { code message path remedy } }
        }`,
        { id },
        users.stranger,
      );
      return JSON.stringify(data).replaceAll(id, 'ID');
    };
    expect(await ask(own)).toBe(await ask(nowhere));
    expect(await ask(own)).toContain('NOT_FOUND');
  });

  it('brings nothing into a tenant of others, neither by creating nor by cloning', async () => {
    const before = await everything();
    const { data } = await api.ask(
      `mutation ($input: CreateAgentInput!, $id: ID!, $tenant: ID!) {
        a: createAgent(input: $input) { ... on Error { code path } }
        b: cloneAgent(id: $id, input: {tenantId: $tenant}) { ... on Error { code path } }
      }`,
      { input: { ...input, tenantId: foreignTenantId }, id: own, tenant: foreignTenantId },
      users.admin,
    );
    const refused = { code: 'NOT_FOUND', path: ['input', 'tenantId'] };
    expect(data).toEqual({ a: refused, b: refused });
    expect(await everything()).toEqual(before);
  });
});
