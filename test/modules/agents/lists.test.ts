import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import { insertAgent, insertAgentExecution, insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { connectFeed, type FeedClient, line } from '../../support/feed.ts';
import { statementsOf, tablesOf } from '../../support/statements.ts';

const AGENTS = 20;
const RUNS = 6;

let api: TestApi;
let user: User;
let tenantId: string;
let writer: FeedClient;
const agentIds: string[] = [];
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

beforeAll(async () => {
  api = await startApi();
  writer = await connectFeed(api.database.admin);
  user = await api.makeUser();
  tenantId = await insertTenant(api.admin, [{ user, role: 'member' }]);
  for (const n of upTo(AGENTS)) {
    const agentId = await insertAgent(api.admin, tenantId, { name: `agent ${n}`, version: `1.0.${n}` });
    agentIds.push(agentId);
    for (const m of upTo(RUNS)) {
      const startedAt = `2026-01-0${m + 1}T00:00:00Z`;
      const id = await insertAgentExecution(api.admin, { agentId, userId: user.id, tenantId }, { startedAt });
      await appendEvents(writer, { kind: 'agent', id, events: upTo(6).map((i) => line(`${n}/${m}/${i}`)) });
    }
  }
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

const NESTED = `query ($agents: Int!) {
  agents(first: $agents, orderBy: {field: NAME, direction: ASC}) { edges { node {
    name databaseId
    executions(first: 5) { edges { node {
      databaseId startedAt
      events(first: 5) { edges { node { seq __typename ... on LogEvent { message } } } pageInfo { hasNextPage } }
    } } }
  } } }
}`;

describe('nested lists', () => {
  it('of 20 agents, 5 executions of each and 5 events of each of those are three statements', async () => {
    let answer: Data;
    const statements = await statementsOf(api.admin, async () => {
      answer = await api.ask(NESTED, { agents: AGENTS }, user);
    });
    expect(answer.errors).toBeUndefined();
    expect(tablesOf(statements)).toEqual(['agent_executions', 'agents', 'execution_streams']);
    const found: Data[] = answer.data.agents.edges;
    expect(found).toHaveLength(AGENTS);
    for (const { node } of found) {
      const n = agentIds.indexOf(node.databaseId);
      expect(node.name).toBe(`agent ${n}`);
      const runs: Data[] = node.executions.edges.map((edge: Data) => edge.node);
      expect(runs.map(({ startedAt }) => startedAt.slice(8, 10))).toEqual(['06', '05', '04', '03', '02']);
      for (const [index, { events }] of runs.entries()) {
        const messages = events.edges.map((edge: Data) => edge.node.message);
        expect(messages).toEqual([undefined, ...upTo(4).map((i) => `${n}/${5 - index}/${i}`)]);
        expect(events.pageInfo.hasNextPage).toBe(true);
      }
    }
  });

  it('from runs back to their agents, tenants, states and logs are one statement a level', async () => {
    let answer: Data;
    const statements = await statementsOf(api.admin, async () => {
      answer = await api.ask(
        `{ agentExecutions(first: 50) { totalCount edges { node {
          lastSeq agent { name tenant { name } } tenant { name } stateLogs { edges { node { status } } }
          logs(last: 2) { edges { node { ... on LogEvent { message } } } }
        } } } }`,
        {},
        user,
      );
    });
    expect(answer.errors).toBeUndefined();
    expect(answer.data.agentExecutions.totalCount).toBe(AGENTS * RUNS);
    for (const { node } of answer.data.agentExecutions.edges) {
      const tenant = { name: 'A tenant' };
      expect(node).toMatchObject({ lastSeq: 7, tenant, agent: { tenant }, stateLogs: { edges: [] } });
      expect(node.logs.edges.map((edge: Data) => edge.node.message.at(-1))).toEqual(['4', '5']);
    }
    expect(tablesOf(statements)).toEqual([
      'agent_execution_logs',
      'agent_executions',
      'agent_executions',
      'agents',
      'execution_streams',
      'execution_streams',
      'tenants',
      'tenants',
    ]);
  });

  it('of a tenant are its agents and the caller’s runs for it', async () => {
    const { data, errors } = await api.ask(
      `query ($id: ID!) { agent(id: $id) { tenant {
        agents(first: 2, orderBy: {field: NAME, direction: ASC}) { totalCount edges { node { name } } }
        agentExecutions(first: 1) { totalCount }
      } } }`,
      { id: agentIds[0] },
      user,
    );
    expect(errors).toBeUndefined();
    expect(data.agent.tenant).toEqual({
      agents: { totalCount: AGENTS, edges: [{ node: { name: 'agent 0' } }, { node: { name: 'agent 1' } }] },
      agentExecutions: { totalCount: AGENTS * RUNS },
    });
  });
});

describe('agents', () => {
  async function names(filter: object): Promise<string[]> {
    const { data, errors } = await api.ask(
      `query ($filter: AgentFilter) {
        agents(filter: $filter, first: 100, orderBy: {field: NAME, direction: ASC}) { totalCount edges { node { name } } }
      }`,
      { filter },
      user,
    );
    expect(errors).toBeUndefined();
    const found: string[] = data.agents.edges.map((edge: Data) => edge.node.name);
    expect(data.agents.totalCount).toBe(found.length);
    return found;
  }

  it('are filtered by everything that a filter has, and the conditions add up', async () => {
    const own = await insertTenant(api.admin, [{ user, role: 'member' }]);
    await insertAgent(api.admin, own, { name: 'Own', category: 'automation', createdBy: user.id });
    await insertAgent(api.admin, own, {
      name: 'Odd',
      category: 'sorcery',
      outputType: 'smell',
      version: '2.0.0',
    });
    const tenant = { tenantId: Buffer.from(`Tenant:${own}`).toString('base64') };
    expect(await names(tenant)).toEqual(['Odd', 'Own']);
    expect(await names({ tenantId: own, category: ['AUTOMATION'] })).toEqual(['Own']);
    expect(await names({ category: ['UNKNOWN'] })).toEqual(['Odd']);
    expect(await names({ ...tenant, outputType: ['UNKNOWN', 'TEXT'] })).toEqual(['Odd', 'Own']);
    expect(await names({ isMine: true })).toEqual(['Own']);
    expect(await names({ ...tenant, isMine: false })).toEqual(['Odd']);
    expect(await names({ ...tenant, nameContains: 'WN' })).toEqual(['Own']);
    expect(await names({ nameContains: '%' })).toEqual([]);
    expect(await names({ version: '2.0.0' })).toEqual(['Odd']);
    expect(await names({ ...tenant, enabled: false })).toEqual([]);
    const usual = { enabled: true, deprecated: false, planningStyle: ['SEQUENTIAL'] };
    expect(await names({ ...tenant, ...usual })).toEqual(['Odd', 'Own']);
    expect(await names({ tenantId: randomUUID() })).toEqual([]);
    expect(await names({ tenantId: 'no id' })).toEqual([]);
    await api.admin.query('delete from public.agents where tenant_id = $1', [own]);
  });

  it.each(
    ['CREATED_AT', 'UPDATED_AT', 'NAME'].flatMap((field) =>
      ['ASC', 'DESC'].map((direction) => ({ field, direction })),
    ),
  )('are paged by $field $direction without gap or overlap', async (orderBy) => {
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const { data }: Data = await api.ask(
        `query ($after: String, $orderBy: AgentOrder) { agents(first: 7, after: $after, orderBy: $orderBy) {
          edges { node { databaseId } } pageInfo { endCursor hasNextPage } } }`,
        { after, orderBy },
        user,
      );
      seen.push(...data.agents.edges.map((edge: Data) => edge.node.databaseId));
      after = data.agents.pageInfo.hasNextPage ? data.agents.pageInfo.endCursor : null;
    } while (after !== null);
    expect(seen).toHaveLength(AGENTS);
    expect(seen.toSorted()).toEqual(agentIds.toSorted());
  });
});

describe('agentExecutions', () => {
  it('are filtered by status, agent, tenant and time', async () => {
    const count = async (filter: object) => {
      const query =
        'query ($filter: AgentExecutionFilter) { agentExecutions(filter: $filter) { totalCount } }';
      const { data } = await api.ask(query, { filter }, user);
      return data.agentExecutions.totalCount;
    };
    expect(await count({ agentId: agentIds[3] })).toBe(6);
    expect(await count({ agentId: agentIds[3], startedAfter: '2026-01-03T00:00:00Z' })).toBe(4);
    expect(await count({ startedBefore: '2026-01-03T00:00:00Z' })).toBe(40);
    expect(await count({ status: ['PENDING'] })).toBe(120);
    expect(await count({ status: ['RUNNING', 'UNKNOWN'] })).toBe(0);
    expect(await count({ tenantId })).toBe(120);
    expect(await count({ tenantId: randomUUID() })).toBe(0);
  });

  it('of everybody are seen by the service role', async () => {
    const token = await tokenOf({ role: 'service_role' });
    const query = '{ agentExecutions { totalCount } agents { totalCount } }';
    const { data } = await api.ask(query, {}, { token });
    expect(data).toEqual({ agentExecutions: { totalCount: 120 }, agents: { totalCount: 20 } });
  });
});
