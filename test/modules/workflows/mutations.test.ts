import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertAgent, insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { insertWorkflow } from '../../support/workflows.ts';
import { asInput, choice, delay, everyType, id, type LooseStep, loop, mapping } from './definitions.ts';

let api: TestApi;
let user: User;
let viewer: User;
let colleague: User;
let stranger: User;
let tenantId: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  viewer = await api.makeUser();
  colleague = await api.makeUser();
  stranger = await api.makeUser();
  tenantId = await insertTenant(api.admin, [
    { user, role: 'member' },
    { user: colleague, role: 'member' },
    { user: viewer, role: 'viewer' },
  ]);
  await insertTenant(api.admin, [{ user: stranger, role: 'admin' }]);
});
afterAll(() => api.close());

const ERROR = '... on Error { code message path remedy }';
const FAULTS = `${ERROR} ... on ValidationError { fields { path message } }`;
const FIELDS = `... on Workflow { databaseId name version description enabled deprecated updatedAt createdBy isMine
  categoryText triggerJson stepsJson startStepId globalRetryJson errorHandlerJson stateSchema initialState auditLog }`;

type Caller = Pick<User, 'token'>;

async function run(call: string, variables: object, as: Caller = user): Promise<Data> {
  const { data, errors } = await api.ask(`mutation ${call}`, variables, as);
  expect(errors).toBeUndefined();
  return data.result;
}

const create = (input: object, as?: Caller) =>
  run(
    `($input: CreateWorkflowInput!) { result: createWorkflow(input: $input) { ${FIELDS} ${FAULTS} } }`,
    { input },
    as,
  );
const update = (workflow: string, input: object, { at, as }: { at?: string; as?: Caller } = {}) =>
  run(
    `($id: ID!, $input: UpdateWorkflowInput!, $at: DateTime) {
      result: updateWorkflow(id: $id, input: $input, ifUpdatedAt: $at) { ${FIELDS} ${FAULTS} } }`,
    { id: workflow, input, at },
    as,
  );
const clone = (workflow: string, input: object, as?: Caller) =>
  run(
    `($id: ID!, $input: CloneWorkflowInput!) { result: cloneWorkflow(id: $id, input: $input) { ${FIELDS} ${FAULTS} } }`,
    { id: workflow, input },
    as,
  );
const remove = (workflow: string, as?: Caller) =>
  run(
    `($id: ID!) { result: deleteWorkflow(id: $id) { ... on Deleted { databaseId } ${ERROR} } }`,
    { id: workflow },
    as,
  );
const enable = (workflow: string, enabled: boolean, as?: Caller) =>
  run(
    `($id: ID!, $enabled: Boolean!) { result: enableWorkflow(id: $id, enabled: $enabled) { ${FIELDS} ${ERROR} } }`,
    { id: workflow, enabled },
    as,
  );
const deprecate = (workflow: string, as?: Caller) =>
  run(`($id: ID!) { result: deprecateWorkflow(id: $id) { ${FIELDS} ${ERROR} } }`, { id: workflow }, as);

const minimal = (more: object = {}) => ({
  tenantId,
  name: `workflow ${randomUUID()}`,
  version: '1.0.0',
  category: 'AUTOMATION',
  steps: asInput([delay('a')]),
  ...more,
});
const rowOf = async (workflow: string) =>
  (await api.admin.query('select * from public.workflows where id = $1', [workflow])).rows[0];
const count = async () => (await api.admin.query('select count(*) from public.workflows')).rows[0].count;

describe('creating a workflow', () => {
  it('stores a step of each type as other programs of the platform know it', async () => {
    const steps = everyType(await insertAgent(api.admin, tenantId));
    const made = await create(
      minimal({
        description: 'Everything at once',
        trigger: { schedule: { cron: '0 3 * * *', timezone: 'Europe/Berlin' } },
        steps: asInput(steps),
        globalRetry: { maxAttempts: 5, backoff: 'EXPONENTIAL' },
        errorHandler: { strategy: 'ROLLBACK', notification: true },
        initialState: { seen: [] },
      }),
    );
    expect(made).toMatchObject({
      categoryText: 'automation',
      enabled: true,
      deprecated: false,
      isMine: true,
      createdBy: user.id,
      triggerJson: { type: 'schedule', cron: '0 3 * * *', timezone: 'Europe/Berlin' },
      stepsJson: steps,
      startStepId: steps[0]?.id,
      globalRetryJson: { enabled: true, maxAttempts: 5, backoff: 'exponential' },
      errorHandlerJson: { strategy: 'rollback', notification: true },
      initialState: { seen: [] },
      stateSchema: null,
      auditLog: true,
    });
  });

  it('begins by hand and with the first step where nothing is said', async () => {
    const made = await create(minimal());
    expect(made).toMatchObject({ triggerJson: { type: 'manual' }, startStepId: id('a') });
    expect(await rowOf(made.databaseId)).toMatchObject({ global_retry: null, state_schema: null });
  });

  it('reports all faults at once, where they are in the input, and writes nothing', async () => {
    const before = await count();
    const wrong = [{ ...delay('Wait'), config: { duration: -5 } }, choice('if', {}), loop('each', [])];
    const steps = asInput(wrong as LooseStep[]);
    const trigger = { schedule: { cron: 'never', timezone: 'Mars/Olympus' } };
    const refused = await create(
      minimal({ name: ' ', version: 'v1', trigger, steps, errorHandler: { strategy: 'UNKNOWN' } }),
    );
    expect(refused).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(refused.fields.map(({ path }: { path: string[] }) => path.join('.')).sort()).toEqual([
      'input.errorHandler.strategy',
      'input.name',
      'input.steps.0.config.delay.duration',
      'input.steps.2.config.loop.stepIds',
      'input.trigger.schedule.cron',
      'input.trigger.schedule.timezone',
      'input.version',
    ]);
    expect(await count()).toBe(before);
  });

  it('names the step in faults of how steps hang together', async () => {
    const steps = asInput([
      mapping('first', { x: `steps.\`${id('last')}\`.output` }),
      choice('if', { then: ['gone'] }),
      delay('last'),
    ]);
    const refused = await create(minimal({ steps }));
    expect(refused.fields).toEqual([
      {
        path: ['input', 'steps', '1', 'config', 'condition', 'then', '0'],
        message: `of "if" must be the id of a step: none has "${id('gone')}"`,
      },
      {
        path: ['input', 'steps', '0', 'config', 'transform', 'mapping', 'x'],
        message: 'of "first" reads "last", which cannot have run before it',
      },
    ]);
  });

  it('knows no agent of another tenant', async () => {
    const foreign = await insertAgent(api.admin, await insertTenant(api.admin, []));
    const call = (agentId: string) => ({
      ...{ id: id('call'), name: 'call', type: 'agent' },
      config: { agentId, input: {} },
    });
    for (const agentId of [foreign, randomUUID()]) {
      const refused = await create(minimal({ steps: asInput([call(agentId)]) }));
      expect(refused.fields).toEqual([
        {
          path: ['input', 'steps', '0', 'config', 'agent', 'agentId'],
          message: 'of "call" must be the id of an agent that you may see',
        },
      ]);
    }
  });

  it('refuses two of one name and version in a tenant, also at the same moment', async () => {
    const input = minimal();
    const made = await Promise.all([create(input), create(input), create(input)]);
    expect(made.filter(({ code }) => code === 'CONFLICT')).toHaveLength(2);
    expect((await create({ ...input, version: '1.0.1' })).version).toBe('1.0.1');
  });

  it('is for members: not for viewers, other tenants, or nobody', async () => {
    expect(await create(minimal(), viewer)).toMatchObject({ code: 'FORBIDDEN', path: ['input', 'tenantId'] });
    expect(await create(minimal(), stranger)).toMatchObject({
      code: 'NOT_FOUND',
      path: ['input', 'tenantId'],
    });
    expect(await create(minimal(), { token: await tokenOf({ role: 'anon' }) })).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    const { tenantId: _left, ...rest } = minimal();
    expect((await create(rest)).fields).toEqual([{ path: ['input', 'tenantId'], message: 'is required' }]);
    const service = { token: await tokenOf({ role: 'service_role' }) };
    expect(await create(rest, service)).toMatchObject({ createdBy: null });
  });
});

describe('changing a workflow', () => {
  it('changes what is given and nothing else', async () => {
    const made = await create(minimal({ description: 'old', initialState: { a: 1 } }));
    const changed = await update(made.databaseId, { description: null, version: '1.1.0' });
    const { updatedAt: _then, ...before } = made;
    expect(changed).toMatchObject({ ...before, description: null, version: '1.1.0' });
    expect((await update(made.databaseId, { initialState: null })).initialState).toBeNull();
    expect((await rowOf(made.databaseId)).initial_state).toBeNull();
  });

  it('validates the whole definition when a part of it changes', async () => {
    const made = await create(minimal());
    const steps = asInput([delay('b'), delay('c')]);
    expect((await update(made.databaseId, { steps })).fields).toEqual([
      { path: ['input', 'startStepId'], message: `must be the id of a step: none has "${id('a')}"` },
    ]);
    const changed = await update(made.databaseId, { steps, startStepId: id('b') });
    expect(changed.stepsJson).toEqual([delay('b'), delay('c')]);
    expect((await update(made.databaseId, { trigger: { schedule: { cron: '99 * * * *' } } })).fields).toEqual(
      [{ path: ['input', 'trigger', 'schedule', 'cron'], message: 'must be a valid cron expression' }],
    );
  });

  it('renames, disables and clones one whose stored definition is broken', async () => {
    const broken = await insertWorkflow(api.admin, tenantId, {
      steps: [{ type: 'teleport' }, 7],
      createdBy: user.id,
    });
    expect((await update(broken, { name: 'Found broken' })).name).toBe('Found broken');
    expect((await enable(broken, false)).enabled).toBe(false);
    expect((await clone(broken, { version: '2.0.0' })).stepsJson).toEqual([{ type: 'teleport' }, 7]);
    expect(await update(broken, { trigger: { manual: true } })).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('never lowers the version, nor takes one that is taken', async () => {
    const made = await create(minimal({ version: '2.0.0' }));
    expect(await update(made.databaseId, { version: '1.9.9' })).toMatchObject({
      code: 'CONFLICT',
      path: ['input', 'version'],
    });
    const other = await create(minimal({ name: made.name, version: '3.0.0' }));
    expect(await update(made.databaseId, { version: '3.0.0' })).toMatchObject({ code: 'CONFLICT' });
    expect((await update(other.databaseId, { version: '3.0.0' })).version).toBe('3.0.0');
  });

  it('loses no update: of two that know the same state one is done', async () => {
    const made = await create(minimal());
    const at = made.updatedAt;
    const both = await Promise.all(
      ['one', 'other'].map((description) => update(made.databaseId, { description }, { at })),
    );
    const [done, ...more] = both.filter(({ code }) => code === undefined);
    expect(more).toEqual([]);
    expect(both.find(({ code }) => code)).toMatchObject({ code: 'CONFLICT', path: ['ifUpdatedAt'] });
    expect((await rowOf(made.databaseId)).description).toBe(done.description);
    expect(await update(made.databaseId, { description: 'x' }, { at: done.updatedAt })).toMatchObject({
      description: 'x',
    });
  });

  it('is enabled, disabled and deprecated', async () => {
    const { databaseId } = await create(minimal({ enabled: false }));
    expect((await enable(databaseId, true)).enabled).toBe(true);
    expect((await enable(databaseId, false)).enabled).toBe(false);
    expect((await deprecate(databaseId)).deprecated).toBe(true);
  });

  it('is refused to viewers, and to others the workflow is absent', async () => {
    const { databaseId } = await create(minimal());
    const before = await rowOf(databaseId);
    const calls = (as: Caller, workflow: string) => [
      update(workflow, { name: 'mine' }, { as }),
      enable(workflow, false, as),
      deprecate(workflow, as),
      remove(workflow, as),
    ];
    for (const refused of await Promise.all(calls(viewer, databaseId))) {
      expect(refused).toMatchObject({ code: 'FORBIDDEN' });
    }
    const absent = randomUUID();
    const [theirs, nobodys] = await Promise.all([
      Promise.all([...calls(stranger, databaseId), clone(databaseId, {}, stranger)]),
      Promise.all([...calls(stranger, absent), clone(absent, {}, stranger)]),
    ]);
    expect(theirs.map(({ code }) => code)).toEqual(theirs.map(() => 'NOT_FOUND'));
    const anonymous = (text: string) => text.replaceAll(databaseId, '…').replaceAll(absent, '…');
    expect(theirs.map((answer) => anonymous(JSON.stringify(answer)))).toEqual(
      nobodys.map((answer) => anonymous(JSON.stringify(answer))),
    );
    const anon = { token: await tokenOf({ role: 'anon' }) };
    for (const refused of await Promise.all([...calls(anon, databaseId), clone(databaseId, {}, anon)])) {
      expect(refused).toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    expect(await rowOf(databaseId)).toEqual(before);
  });
});

describe('cloning a workflow', () => {
  it('gives the steps new ids, rewrites what names them, and waits to be enabled', async () => {
    const steps = [
      choice('if', { then: ['b'], else: ['each'] }),
      mapping(
        'b',
        { x: `steps.\`${id('if')}\`.output` },
        { onError: 'fallback', fallbackStepId: id('help') },
      ),
      loop('each', ['c'], { metadata: { compensate: id('undo'), place: [1, 2] } }),
      delay('c'),
      delay('help'),
      delay('undo'),
    ];
    const made = await create(minimal({ steps: asInput(steps), errorHandler: { strategy: 'CONTINUE' } }));
    const copy = await clone(made.databaseId, { version: '1.1.0' }, colleague);
    expect(copy).toMatchObject({
      name: made.name,
      version: '1.1.0',
      enabled: false,
      createdBy: colleague.id,
      errorHandlerJson: { strategy: 'continue' },
    });
    const ids = copy.stepsJson.map((step: LooseStep) => step.id);
    expect(new Set(ids).size).toBe(steps.length);
    expect(JSON.stringify(copy)).not.toContain(id('x').slice(0, 24));
    let renamed = JSON.stringify(steps);
    for (const [at, step] of steps.entries()) renamed = renamed.replaceAll(step.id, ids[at]);
    expect(copy.stepsJson).toEqual(JSON.parse(renamed));
    expect(copy.startStepId).toBe(ids[0]);
  });

  it('must be newer than all of its name, where it goes', async () => {
    const made = await create(minimal({ version: '1.5.0' }));
    expect(await clone(made.databaseId, {})).toMatchObject({ code: 'CONFLICT', path: ['input', 'version'] });
    expect((await clone(made.databaseId, { name: `${made.name} B` })).version).toBe('1.5.0');
    const elsewhere = await insertTenant(api.admin, [{ user, role: 'member' }]);
    expect((await clone(made.databaseId, { tenantId: elsewhere })).version).toBe('1.5.0');
  });

  it('goes into no tenant where the caller may not write', async () => {
    const made = await create(minimal());
    expect(await clone(made.databaseId, { version: '2.0.0' }, viewer)).toMatchObject({ code: 'FORBIDDEN' });
    const foreign = await insertTenant(api.admin, []);
    expect(await clone(made.databaseId, { tenantId: foreign })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('deleting a workflow', () => {
  it('is for whoever made it, and for admins', async () => {
    const { databaseId } = await create(minimal());
    expect(await remove(databaseId, colleague)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await remove(databaseId)).toEqual({ databaseId });
    expect(await remove(databaseId)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await rowOf(databaseId)).toBeUndefined();
  });
});
