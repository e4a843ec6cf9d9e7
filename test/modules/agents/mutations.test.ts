import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertAgent, insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';

let api: TestApi;
let user: User;
let tenantId: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  tenantId = await insertTenant(api.admin, [{ user, role: 'admin' }]);
});
afterAll(() => api.close());

const ERROR = '... on Error { code message path remedy }';
const FAULTS = `${ERROR} ... on ValidationError { fields { path message } }`;
const FIELDS = `... on Agent { databaseId name version description enabled deprecated updatedAt createdBy isMine
  capabilitiesJson toolsJson executionConfigJson memoryConfigJson safetyConstraintsJson outputSchema validationSchema
  tenant { id } }`;

async function run(call: string, variables: object, as: Pick<User, 'token'> = user): Promise<Data> {
  const { data, errors } = await api.ask(`mutation ${call}`, variables, as);
  expect(errors).toBeUndefined();
  return data.result;
}

const create = (input: object, as?: Pick<User, 'token'>) =>
  run(
    `($input: CreateAgentInput!) { result: createAgent(input: $input) { ${FIELDS} ${FAULTS} } }`,
    { input },
    as,
  );
const update = (id: string, input: object, ifUpdatedAt?: string) =>
  run(
    `($id: ID!, $input: UpdateAgentInput!, $at: DateTime) {
      result: updateAgent(id: $id, input: $input, ifUpdatedAt: $at) { ${FIELDS} ${FAULTS} } }`,
    { id, input, at: ifUpdatedAt },
  );
const clone = (id: string, input: object) =>
  run(
    `($id: ID!, $input: CloneAgentInput!) { result: cloneAgent(id: $id, input: $input) { ${FIELDS} ${FAULTS} } }`,
    { id, input },
  );
const minimal = (more: object = {}) => ({
  tenantId,
  name: `agent ${randomUUID()}`,
  version: '1.0.0',
  category: 'ANALYSIS',
  outputType: 'TEXT',
  ...more,
});
const rowOf = async (id: string) =>
  (await api.admin.query('select * from public.agents where id = $1', [id])).rows[0];
const count = async () => (await api.admin.query('select count(*) from public.agents')).rows[0].count;

const NO_CAPABILITY = {
  canRead: false,
  canWrite: false,
  canExecute: false,
  canModifyWorkflows: false,
  canAccessExternalAPIs: false,
  canAccessDatabase: false,
  canInvokeOtherAgents: false,
};

describe('createAgent', () => {
  it('stores what was given as the platform’s other clients know it, and fills in the rest', async () => {
    const fallback = await insertAgent(api.admin, tenantId);
    const made = await create(
      minimal({
        tenantId: Buffer.from(`Tenant:${tenantId}`).toString('base64'),
        capabilities: { canRead: true, maxConcurrentOperations: 7 },
        tools: [
          {
            id: 'search',
            name: 'Search',
            description: 'Looks things up.',
            category: 'API',
            parameters: [
              { name: 'query', type: 'string', required: true },
              { name: 'limit', type: 'number', description: 'How many.', default: 10 },
            ],
            returns: { type: 'array' },
            timeout: 5000,
          },
        ],
        executionConfig: {
          mode: 'STREAMING',
          timeout: 60_000,
          retry: {
            maxAttempts: 3,
            backoff: 'EXPONENTIAL',
            fallbackAgent: Buffer.from(`Agent:${fallback}`).toString('base64'),
          },
        },
        memoryConfig: { type: 'vector', ttl: 3600, persistence: true },
        safetyConstraints: {
          maxCost: '0.0125',
          allowedDomains: ['*.example.com'],
          rateLimit: { requests: 10, windowMs: 1000 },
        },
        outputSchema: { type: 'object' },
      }),
    );
    expect(made).toMatchObject({ enabled: true, deprecated: false, createdBy: user.id, isMine: true });
    expect(await rowOf(made.databaseId)).toMatchObject({
      tenant_id: tenantId,
      created_by: user.id,
      category: 'analysis',
      planning_style: 'sequential',
      output_type: 'text',
      capabilities: { ...NO_CAPABILITY, canRead: true, maxConcurrentOperations: 7 },
      tools: [
        {
          id: 'search',
          name: 'Search',
          description: 'Looks things up.',
          category: 'api',
          parameters: {
            query: { type: 'string', required: true },
            limit: { type: 'number', required: false, description: 'How many.', default: 10 },
          },
          returns: { type: 'array' },
          timeout: 5000,
        },
      ],
      execution_config: {
        mode: 'streaming',
        timeout: 60_000,
        retry: { enabled: true, maxAttempts: 3, backoff: 'exponential', fallbackAgent: fallback },
      },
      memory_config: { type: 'vector', ttl: 3600, persistence: true },
      safety_constraints: {
        maxCost: 0.0125,
        allowedDomains: ['*.example.com'],
        rateLimit: { requests: 10, windowMs: 1000 },
      },
      output_schema: { type: 'object' },
      validation_schema: null,
    });
    const { data } = await api.ask(
      `query ($id: ID!) { agent(id: $id) {
        capabilities { canRead canWrite maxConcurrentOperations }
        tools { id category categoryText parameters { name type required default } returns retry { enabled } }
        executionConfig { mode retry { backoff maxAttempts fallbackAgent maxDelay } }
        safetyConstraints { maxCost rateLimit { windowMs } blockedDomains }
      } }`,
      { id: made.databaseId },
      user,
    );
    expect(data.agent).toEqual({
      capabilities: { canRead: true, canWrite: false, maxConcurrentOperations: 7 },
      tools: [
        {
          id: 'search',
          category: 'API',
          categoryText: 'api',
          parameters: [
            { name: 'limit', type: 'number', required: false, default: 10 },
            { name: 'query', type: 'string', required: true, default: null },
          ],
          returns: { type: 'array' },
          retry: null,
        },
      ],
      executionConfig: {
        mode: 'STREAMING',
        retry: { backoff: 'EXPONENTIAL', maxAttempts: 3, fallbackAgent: fallback, maxDelay: null },
      },
      safetyConstraints: { maxCost: '0.0125', rateLimit: { windowMs: 1000 }, blockedDomains: null },
    });
  });

  it('reports every faulty field at once, each with its path, and writes nothing', async () => {
    const before = await count();
    const parameter = { name: 'q', type: 'string' };
    const tool = { id: 'a', name: 'A', description: 'A.', category: 'API' };
    const result = await create({
      name: '  ',
      version: 'v1.0',
      category: 'UNKNOWN',
      outputType: 'TEXT',
      capabilities: { maxConcurrentOperations: 101 },
      tools: [
        tool,
        { ...tool, timeout: -1, parameters: [parameter, parameter] },
        { ...tool, name: 'x\u0000' },
      ],
      executionConfig: { timeout: 999, retry: { maxAttempts: 11, fallbackAgent: 'nobody' } },
      safetyConstraints: {
        maxCost: '-1',
        allowedDomains: ['no domain'],
        rateLimit: { requests: 0, windowMs: 1 },
      },
      outputSchema: [],
    });
    expect(result.code).toBe('VALIDATION_FAILED');
    const paths = result.fields.map(({ path }: Data) => path.slice(1).join('.'));
    expect(paths.toSorted()).toEqual([
      'capabilities.maxConcurrentOperations',
      'category',
      'executionConfig.retry.fallbackAgent',
      'executionConfig.retry.maxAttempts',
      'executionConfig.timeout',
      'name',
      'outputSchema',
      'safetyConstraints.allowedDomains.0',
      'safetyConstraints.maxCost',
      'safetyConstraints.rateLimit.requests',
      'tenantId',
      'tools.1.parameters.q',
      'tools.1.timeout',
      'tools.2.name',
      'version',
    ]);
    const said = Object.fromEntries(result.fields.map((f: Data) => [f.path.slice(1).join('.'), f.message]));
    expect(said).toMatchObject({
      tenantId: 'is required',
      'tools.1.parameters.q': 'must be one object',
      'executionConfig.timeout': 'must be a whole number from 1000 to 3600000',
    });
    expect(await count()).toBe(before);
  });

  it('tells tools of one id apart', async () => {
    const tool = { id: 'a', name: 'A', description: 'A.', category: 'API' };
    const { fields } = await create(minimal({ tools: [tool, tool] }));
    expect(fields).toEqual([
      { path: ['input', 'tools', '1', 'id'], message: 'must be unique within the agent' },
    ]);
  });

  it.each([
    '1',
    '1.0',
    'v1.0.0',
    '=1.0.0',
    '01.0.0',
    '1.0.0-',
    '1.0.0 beta',
    '1.0.0-alpha.01',
    '123456789.1.1-beta.10',
  ])('refuses the version %s', async (version) => {
    expect(await create(minimal({ version }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      path: ['input', 'version'],
    });
  });

  it.each([
    '0.0.0',
    '1.0.0-beta.1',
    '1.0.0+build.5',
    '10.20.30-a.b+c',
  ])('takes the version %s', async (version) => {
    expect(await create(minimal({ version }))).toMatchObject({ version });
  });

  it('refuses a fallback that the caller does not see', async () => {
    const theirs = await insertAgent(api.admin, await insertTenant(api.admin, []));
    const result = await create(minimal({ executionConfig: { retry: { fallbackAgent: theirs } } }));
    expect(result.fields).toEqual([
      {
        path: ['input', 'executionConfig', 'retry', 'fallbackAgent'],
        message: 'must be an agent that you may see',
      },
    ]);
  });

  it('gives a name and version to one of several that ask for them at once', async () => {
    const input = minimal();
    const results = await Promise.all(Array.from({ length: 6 }, () => create(input)));
    expect(results.map(({ code }) => code ?? 'made').toSorted()).toEqual([
      ...Array(5).fill('CONFLICT'),
      'made',
    ]);
  });

  it('without a tenant is for the service role, whose agents nobody has made', async () => {
    const service = { token: await tokenOf({ role: 'service_role' }) };
    const { tenantId: _none, ...input } = minimal();
    expect(await create(input, service)).toMatchObject({ tenant: null, createdBy: null, isMine: false });
    expect(await create(minimal({ tenantId: randomUUID() }), service)).toMatchObject({
      code: 'NOT_FOUND',
      path: ['input', 'tenantId'],
    });
  });
});

describe('updateAgent', () => {
  it('changes what is given and nothing else; null empties what may be empty', async () => {
    const { databaseId } = await create(
      minimal({ description: 'Old.', memoryConfig: { type: 'vector' }, outputSchema: { a: 1 } }),
    );
    const before = await rowOf(databaseId);
    const changed = await update(databaseId, { description: null, memoryConfig: null, name: null });
    expect(changed).toMatchObject({ description: null, memoryConfigJson: null, outputSchema: { a: 1 } });
    const after = await rowOf(databaseId);
    expect(after).toEqual({
      ...before,
      description: null,
      memory_config: null,
      updated_at: after.updated_at,
    });
    expect(after.updated_at.getTime()).toBeGreaterThan(before.updated_at.getTime());
  });

  it('refuses a version below the present one, by semantic precedence, and takes an equal or a higher one', async () => {
    const { databaseId } = await create(minimal({ version: '1.10.0' }));
    for (const version of ['1.9.9', '1.10.0-rc.1', '0.99.0']) {
      const refused = await update(databaseId, { version, description: 'x' });
      expect(refused).toMatchObject({ code: 'CONFLICT', path: ['input', 'version'] });
    }
    expect(await rowOf(databaseId)).toMatchObject({ version: '1.10.0', description: null });
    expect(await update(databaseId, { version: '1.10.0' })).toMatchObject({ version: '1.10.0' });
    expect(await update(databaseId, { version: '2.0.0-beta.2' })).toMatchObject({ version: '2.0.0-beta.2' });
    expect(await update(databaseId, { version: '2.0.0-beta.11' })).toMatchObject({
      version: '2.0.0-beta.11',
    });
  });

  it('takes any version where what is stored is none', async () => {
    const id = await insertAgent(api.admin, tenantId, { version: 'latest' });
    expect(await update(id, { version: '0.0.1' })).toMatchObject({ version: '0.0.1' });
  });

  it('refuses a name and version that another agent of the tenant has', async () => {
    const [one, other] = [await create(minimal()), await create(minimal())];
    expect(await update(other.databaseId, { name: one.name })).toMatchObject({ code: 'CONFLICT' });
  });

  it('with `ifUpdatedAt` of an older state changes nothing; of two at once one wins', async () => {
    const made = await create(minimal());
    const id = made.databaseId;
    const first = await update(id, { description: 'first' }, made.updatedAt);
    expect(first).toMatchObject({ description: 'first' });
    const late = await update(id, { description: 'late' }, made.updatedAt);
    expect(late).toMatchObject({ code: 'CONFLICT', path: ['ifUpdatedAt'] });
    expect(await rowOf(id)).toMatchObject({ description: 'first' });
    const both = await Promise.all(
      ['a', 'b'].map((description) => update(id, { description }, first.updatedAt)),
    );
    expect(both.filter(({ code }) => code === 'CONFLICT')).toHaveLength(1);
  });

  it('refuses the agent itself as its fallback', async () => {
    const { databaseId } = await create(minimal());
    const input = { executionConfig: { retry: { fallbackAgent: databaseId } } };
    expect((await update(databaseId, input)).fields).toMatchObject([{ message: 'must be another agent' }]);
  });
});

describe('cloneAgent', () => {
  it('copies the definition as it is stored, whatever that is, and makes it the caller’s', async () => {
    const original = await insertAgent(api.admin, tenantId, {
      version: '1.2.3',
      capabilities: 'none',
      tools: [{ odd: true }],
      category: 'sorcery',
    });
    await api.admin.query('update public.agents set enabled = false, deprecated = true where id = $1', [
      original,
    ]);
    const { databaseId } = await clone(original, { name: 'The copy', version: '0.1.0' });
    expect(await rowOf(databaseId)).toMatchObject({
      name: 'The copy',
      version: '0.1.0',
      category: 'sorcery',
      capabilities: 'none',
      tools: [{ odd: true }],
      memory_config: null,
      enabled: true,
      deprecated: false,
      created_by: user.id,
      tenant_id: tenantId,
    });
  });

  it('of the same name needs a version above all of that name in the tenant', async () => {
    const { databaseId, name } = await create(minimal());
    await create(minimal({ name, version: '3.0.0' }));
    expect(await clone(databaseId, {})).toMatchObject({
      code: 'CONFLICT',
      path: ['input', 'version'],
      remedy: 'Choose a version above 3.0.0, or another name.',
    });
    expect(await clone(databaseId, { version: '3.0.0' })).toMatchObject({ code: 'CONFLICT' });
    expect(await clone(databaseId, { version: '3.0.1' })).toMatchObject({ name, version: '3.0.1' });
  });

  it('into another tenant of the caller’s keeps name and version', async () => {
    const other = await insertTenant(api.admin, [{ user, role: 'member' }]);
    const { databaseId, name } = await create(minimal());
    expect(await clone(databaseId, { tenantId: other })).toMatchObject({
      name,
      version: '1.0.0',
      tenant: { id: expect.any(String) },
    });
    const { rows } = await api.admin.query('select name from public.agents where tenant_id = $1', [other]);
    expect(rows).toEqual([{ name }]);
  });
});

describe('enableAgent, deprecateAgent and deleteAgent', () => {
  it('set their flags and take them back, unless the agent has changed', async () => {
    const { databaseId: id, updatedAt } = await create(minimal());
    const flag = (field: string, args: string) =>
      run(`($id: ID!) { result: ${field}(id: $id${args}) { ${FIELDS} ${ERROR} } }`, { id });
    expect(await flag('enableAgent', ', enabled: false')).toMatchObject({ enabled: false });
    expect(await flag('enableAgent', '')).toMatchObject({ enabled: true });
    expect(await flag('deprecateAgent', '')).toMatchObject({ deprecated: true });
    expect(await flag('deprecateAgent', `, deprecated: false, ifUpdatedAt: "${updatedAt}"`)).toMatchObject({
      code: 'CONFLICT',
      path: ['ifUpdatedAt'],
    });
    expect(await flag('deprecateAgent', ', deprecated: false')).toMatchObject({ deprecated: false });
  });

  it('delete an agent with its executions, and find it no more', async () => {
    const { databaseId: id } = await create(minimal());
    const { rows } = await api.admin.query(
      'insert into public.agent_executions (agent_id, user_id) values ($1, $2) returning id',
      [id, user.id],
    );
    const remove = () =>
      run(`($id: ID!) { result: deleteAgent(id: $id) { ... on Deleted { id databaseId } ${ERROR} } }`, {
        id,
      });
    expect(await remove()).toEqual({ id: Buffer.from(`Agent:${id}`).toString('base64'), databaseId: id });
    expect(await remove()).toMatchObject({ code: 'NOT_FOUND' });
    const left = await api.admin.query('select from runcast.execution_streams where execution_id = $1', [
      rows[0].id,
    ]);
    expect(left.rowCount).toBe(0);
  });
});
