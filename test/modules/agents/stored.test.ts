import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertAgent, insertAgentExecution, insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, type User } from '../../support/api.ts';

let api: TestApi;
let user: User;
let tenantId: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  tenantId = await insertTenant(api.admin, [{ user, role: 'member' }]);
});
afterAll(() => api.close());

const AGENTS = `{ agents(first: 100) { edges { node {
  name category categoryText planningStyle planningStyleText outputType outputTypeText version
  capabilities { canRead canWrite maxConcurrentOperations } capabilitiesJson
  tools { id name category categoryText timeout parameters { name type required } retry { maxAttempts backoff backoffText } }
  toolsJson
  executionConfig { mode modeText timeout retry { enabled maxAttempts } } executionConfigJson
  memoryConfig { type ttl persistence } memoryConfigJson
  safetyConstraints { maxCost maxTokenUsage allowedDomains rateLimit { requests } } safetyConstraintsJson
} } } }`;

/** What other programs may have put into any of the JSON columns. */
const ODD: unknown[] = [null, 0, 'text', true, [], [null], [1, 'x', { id: 7 }], {}, { a: { b: [] } }];
const COLUMNS = ['capabilities', 'tools', 'executionConfig', 'memoryConfig', 'safetyConstraints'] as const;

it('shows any JSON in any column as it is, and never breaks the list', async () => {
  const odd = COLUMNS.flatMap((column) => ODD.map((value) => ({ name: randomUUID(), column, value })));
  for (const { name, column, value } of odd)
    await insertAgent(api.admin, tenantId, { name, [column]: value });
  await insertAgent(api.admin, tenantId, { name: 'plain' });
  const { data, errors } = await api.ask(AGENTS, {}, user);
  expect(errors).toBeUndefined();
  const byName = new Map<string, Data>(data.agents.edges.map(({ node }: Data) => [node.name, node]));
  expect(byName.size).toBe(odd.length + 1);
  for (const { name, column, value } of odd) expect(byName.get(name)[`${column}Json`]).toEqual(value);
  expect(byName.get('plain')).toMatchObject({
    capabilities: { canRead: false, canWrite: false, maxConcurrentOperations: null },
    tools: [],
    memoryConfig: null,
  });
  await api.admin.query('delete from public.agents');
});

it('keeps what fits and leaves out what does not, field by field', async () => {
  await insertAgent(api.admin, tenantId, {
    category: 'sorcery',
    planningStyle: '',
    outputType: 'Text',
    version: 'latest',
    capabilities: { canRead: true, canWrite: 'yes', maxConcurrentOperations: 1000, canFly: true },
    tools: [
      'hammer',
      {
        id: 1,
        name: 'Saw',
        category: 'api',
        timeout: 1.5,
        parameters: { a: 'string', b: { type: 'x', required: 1 } },
      },
      { id: 's', category: 'magic', parameters: [1], retry: { maxAttempts: 2, backoff: 'random' } },
      { id: 't', category: 7, retry: 'always' },
    ],
    executionConfig: { mode: 'SYNC', timeout: '5000', retry: { maxAttempts: 99 } },
    memoryConfig: { type: 'vector', ttl: -1, persistence: 'disk' },
    safetyConstraints: {
      maxCost: 12.5,
      maxTokenUsage: 1e12,
      allowedDomains: ['ok.example', 3],
      rateLimit: [],
    },
  });
  const { data, errors } = await api.ask(AGENTS, {}, user);
  expect(errors).toBeUndefined();
  expect(data.agents.edges).toHaveLength(1);
  expect(data.agents.edges[0].node).toMatchObject({
    category: 'UNKNOWN',
    categoryText: 'sorcery',
    planningStyle: 'UNKNOWN',
    planningStyleText: '',
    outputType: 'UNKNOWN',
    outputTypeText: 'Text',
    version: 'latest',
    capabilities: { canRead: true, canWrite: null, maxConcurrentOperations: null },
    tools: [
      {
        id: null,
        name: 'Saw',
        category: 'API',
        timeout: null,
        parameters: [{ name: 'b', type: 'x', required: null }],
        retry: null,
      },
      {
        id: 's',
        name: null,
        category: 'UNKNOWN',
        categoryText: 'magic',
        parameters: null,
        retry: { maxAttempts: 2, backoff: 'UNKNOWN', backoffText: 'random' },
      },
      { id: 't', category: null, categoryText: null, parameters: [], retry: null },
    ],
    executionConfig: {
      mode: 'UNKNOWN',
      modeText: 'SYNC',
      timeout: null,
      retry: { enabled: true, maxAttempts: null },
    },
    memoryConfig: { type: 'vector', ttl: null, persistence: null },
    safetyConstraints: {
      maxCost: '12.5',
      maxTokenUsage: null,
      allowedDomains: ['ok.example'],
      rateLimit: null,
    },
  });
});

it('shows statuses, errors and metrics of runs that it does not know', async () => {
  const agentId = await insertAgent(api.admin, tenantId);
  const of = { agentId, userId: user.id };
  // The feed refuses statuses that it does not know; a row may be older than the feed.
  await api.admin.query('set session_replication_role = replica');
  await insertAgentExecution(api.admin, of, {
    status: 'haunted',
    error: { message: 'Boo.', code: 13, stack: 'at the attic' },
    metrics: { duration: 12, tokenUsage: 'many', cost: 0.0125 },
    startedAt: '2026-01-02T00:00:00Z',
  });
  await api.admin.query('reset session_replication_role');
  await insertAgentExecution(api.admin, of, {
    error: 'Boo.',
    metrics: [1],
    startedAt: '2026-01-01T00:00:00Z',
  });
  const { data, errors } = await api.ask(
    `{ agentExecutions { edges { node { status statusText error { message code stack } errorJson
      metrics { duration tokenUsage cost } metricsJson } } } }`,
    {},
    user,
  );
  expect(errors).toBeUndefined();
  expect(data.agentExecutions.edges.map(({ node }: Data) => node)).toEqual([
    {
      status: 'UNKNOWN',
      statusText: 'haunted',
      error: { message: 'Boo.', code: null, stack: 'at the attic' },
      errorJson: { message: 'Boo.', code: 13, stack: 'at the attic' },
      metrics: { duration: 12, tokenUsage: null, cost: '0.0125' },
      metricsJson: { duration: 12, tokenUsage: 'many', cost: 0.0125 },
    },
    {
      status: 'PENDING',
      statusText: 'pending',
      error: null,
      errorJson: 'Boo.',
      metrics: null,
      metricsJson: [1],
    },
  ]);
});

it('shows the state logs of a run with exact costs, oldest first', async () => {
  const agentId = await insertAgent(api.admin, tenantId);
  const id = await insertAgentExecution(api.admin, { agentId, userId: user.id });
  await api.admin.query(
    `insert into public.agent_execution_logs (execution_id, agent_id, user_id, status, started_at, cost, token_usage, duration)
     values ($1, $2, $3, 'completed', '2026-01-01T00:00:01Z', 123456.7891, 42, 1000),
       ($1, $2, $3, 'started', '2026-01-01T00:00:00Z', null, null, null)`,
    [id, agentId, user.id],
  );
  const FIELDS = 'status statusText cost tokenUsage duration execution { databaseId } agent { databaseId }';
  const { data, errors } = await api.ask(
    `query ($id: ID!) {
      agentExecution(id: $id) { stateLogs { totalCount edges { node { ${FIELDS} } } } }
      agentExecutionLogs(filter: {status: [COMPLETED]}) { edges { node { ${FIELDS} } } }
    }`,
    { id },
    user,
  );
  expect(errors).toBeUndefined();
  const of = { execution: { databaseId: id }, agent: { databaseId: agentId } };
  const completed = {
    status: 'COMPLETED',
    statusText: 'completed',
    cost: '123456.7891',
    tokenUsage: 42,
    duration: 1000,
    ...of,
  };
  expect(data.agentExecution.stateLogs).toEqual({
    totalCount: 2,
    edges: [
      {
        node: {
          status: 'STARTED',
          statusText: 'started',
          cost: null,
          tokenUsage: null,
          duration: null,
          ...of,
        },
      },
      { node: completed },
    ],
  });
  expect(data.agentExecutionLogs.edges).toEqual([{ node: completed }]);
});
