import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AgentRuns, openAgentRuns } from '../../support/agent-runs.ts';
import { insertAgent, insertTenant } from '../../support/agents.ts';

/** Nobody listens there, and nobody has to: what is asked here is refused, or waits. */
let runs: AgentRuns;
beforeAll(async () => {
  runs = await openAgentRuns({
    baseUrl: 'http://127.0.0.1:9/v1',
    // Workers that can validate, and nothing else.
    ports: { toolRunners: { validation: async () => ({}) } },
    withoutWorker: true,
  });
});
afterAll(() => runs.close());

const started = async () => (await runs.api.admin.query('select from public.agent_executions')).rows.length;
const executionConfig = (model: unknown) => ({ executionConfig: { model } });
const api = {
  id: 'a',
  name: 'a',
  description: 'A.',
  category: 'api',
  config: { endpoint: 'https://example.com', method: 'GET' },
};
const validation = { id: 'v', name: 'v', description: 'V.', category: 'validation', config: { schema: {} } };

it('refuses before anything is written what could not be run', async () => {
  const before = await started();
  const refused = async (values: Parameters<AgentRuns['agent']>[0], more: object = {}) =>
    await runs.ask({ agentId: await runs.agent(values), input: 'Hello', ...more });

  expect(await refused(executionConfig({ provider: 'openai', name: 'gpt-5' }))).toMatchObject({
    ...{ __typename: 'ProviderUnavailableError', path: ['agentId'] },
    message: 'The provider openai cannot run this: no server is set up for its model gpt-5.',
  });
  expect(await refused(executionConfig('anthropic:claude'))).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
  expect(await refused({ executionConfig: {}, planningStyle: 'reactive' })).toMatchObject({
    message: expect.stringContaining('the agent names no model, and the operator has set none up'),
    remedy: expect.stringContaining('MODEL_DEFAULT'),
  });
  expect(await refused({ tools: [api] })).toMatchObject({
    ...{ code: 'VALIDATION_FAILED', path: ['agentId'] },
    message: expect.stringContaining('tools.0 is of the category api, which nothing here can call'),
  });
  expect(await refused({ tools: [{ ...validation, config: undefined }] })).toMatchObject({
    message: expect.stringContaining('tools.0.config is required of a tool of the category validation'),
  });
  expect(await refused({ tools: [{ ...validation, config: { schema: 7 } }] })).toMatchObject({
    message: expect.stringContaining('tools.0.config.schema must be a JSON object'),
  });
  expect(await refused({ planningStyle: 'by instinct' })).toMatchObject({
    message: expect.stringContaining('planning_style must be one of'),
  });
  expect(await refused({ safetyConstraints: { maxCost: 1 } })).toMatchObject({
    message: expect.stringContaining('there is no price for the model test'),
  });
  expect(await started()).toBe(before);
});

it('refuses an input that the validation schema does not allow, with the place of each fault', async () => {
  const validationSchema = { type: 'object', properties: { age: { type: 'integer' } }, required: ['age'] };
  const agentId = await runs.agent({ validationSchema });
  expect(await runs.ask({ agentId, input: { age: 'old' } })).toMatchObject({
    ...{ code: 'VALIDATION_FAILED', path: ['input', 'age'] },
    message: 'The input is not valid: input.age must be integer.',
  });
  expect(await runs.ask({ agentId, input: { age: 7 } })).toMatchObject({ __typename: 'AgentExecution' });
});

it('ends the check of a schema that would take for ever, in time or in patterns', async () => {
  const definitions: Record<string, unknown> = { d30: { type: 'string' } };
  for (let level = 0; level < 30; level += 1) {
    const next = { $ref: `#/definitions/d${level + 1}` };
    definitions[`d${level}`] = { allOf: [next, next] };
  }
  const doubling = await runs.agent({ validationSchema: { definitions, $ref: '#/definitions/d0' } });
  expect(await runs.ask({ agentId: doubling, input: 'a' })).toMatchObject({
    message: expect.stringContaining('takes too long to check'),
  });
  const pattern = await runs.agent({ validationSchema: { type: 'string', pattern: '^(a+)+$' } });
  expect(await runs.ask({ agentId: pattern, input: `${'a'.repeat(40)}!` })).toMatchObject({
    message: expect.stringContaining('must match pattern'),
  });
});

it('runs no agent that is disabled, is somebody else’s, or that the caller may only see', async () => {
  const disabled = await runs.agent();
  await runs.api.admin.query('update public.agents set enabled = false where id = $1', [disabled]);
  expect(await runs.ask({ agentId: disabled })).toMatchObject({ code: 'FORBIDDEN', path: ['agentId'] });

  const other = await runs.api.makeUser();
  const foreign = await insertAgent(
    runs.api.admin,
    await insertTenant(runs.api.admin, [{ user: other, role: 'admin' }]),
  );
  const missing = randomUUID();
  const answers = await Promise.all([foreign, missing].map((agentId) => runs.ask({ agentId })));
  const [one, two] = answers.map(({ message, ...rest }) => ({
    ...rest,
    message: message.replace(/[0-9a-f-]{36}/, ''),
  }));
  expect(one).toMatchObject({ code: 'NOT_FOUND', path: ['agentId'] });
  expect(two).toEqual(one);

  const seen = await insertTenant(runs.api.admin, [{ user: runs.user, role: 'viewer' }]);
  expect(await runs.ask({ agentId: await insertAgent(runs.api.admin, seen) })).toMatchObject({
    code: 'FORBIDDEN',
  });
  expect(await runs.ask({ agentId: await runs.agent(), tenantId: seen })).toMatchObject({
    ...{ code: 'FORBIDDEN', path: ['tenantId'] },
  });
});

it('gives the same execution for the same key and input, however many ask at once', async () => {
  const agentId = await runs.agent();
  const key = randomUUID();
  const all = await Promise.all(Array.from({ length: 8 }, () => runs.ask({ agentId, input: { a: 1 }, key })));
  expect(new Set(all.map(({ databaseId }) => databaseId)).size).toBe(1);
  expect(all[0].databaseId).toBeDefined();
  expect(await runs.ask({ agentId, input: { a: 2 }, key })).toMatchObject({
    ...{ code: 'CONFLICT', path: ['idempotencyKey'] },
  });
});

it('refuses more than may wait', async () => {
  const tenantId = await insertTenant(runs.api.admin, [{ user: runs.user, role: 'member' }]);
  await runs.api.admin.query('update public.tenants set limits = $2 where id = $1', [
    tenantId,
    { maxConcurrentRuns: 1, maxQueuedRuns: 1 },
  ]);
  const agentId = await runs.agent();
  const ask = () => runs.ask({ agentId, tenantId });
  expect((await ask()).databaseId).toBeDefined();
  expect((await ask()).databaseId).toBeDefined();
  expect(await ask()).toMatchObject({ __typename: 'LimitReachedError', code: 'LIMIT_REACHED' });
});

it('keeps the agent as it was when the run was started', async () => {
  const agentId = await runs.agent();
  const id = await runs.run(agentId);
  await runs.api.admin.query("update public.agents set name = 'Another' where id = $1", [agentId]);
  const { rows } = await runs.api.admin.query(
    "select definition ->> 'name' as name from runcast.agent_runs where execution_id = $1",
    [id],
  );
  expect(rows[0].name).not.toBe('Another');
});
