import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertAgent, insertTenant } from '../../support/agents.ts';
import { startApi, type TestApi, type User } from '../../support/api.ts';
import { insertWorkflow } from '../../support/workflows.ts';
import { asInput, choice, delay, everyType, id, loop } from './definitions.ts';

let api: TestApi;
let viewer: User;
let stranger: User;
let tenantId: string;

beforeAll(async () => {
  api = await startApi();
  [viewer, stranger] = await Promise.all([api.makeUser(), api.makeUser()]);
  tenantId = await insertTenant(api.admin, [{ user: viewer, role: 'viewer' }]);
});
afterAll(() => api.close());

const validate = (input: object, as?: User) =>
  api.ask(
    `query ($input: WorkflowDefinitionInput!) { validateWorkflow(input: $input) { isValid faults { path message } } }`,
    { input },
    as,
  );
const graph = (args: { id?: string; definition?: object }, as?: User) =>
  api.ask(
    `query ($id: ID, $definition: WorkflowDefinitionInput) {
      workflowGraph(id: $id, definition: $definition) { nodes { name type isReachable } edges { from to kind } } }`,
    args,
    as,
  );

describe('validateWorkflow', () => {
  it('finds nothing wrong with what is right, agents included, and writes nothing', async () => {
    const steps = asInput(everyType(await insertAgent(api.admin, tenantId)));
    const { data } = await validate({ steps, trigger: { api: { endpoint: '/start' } } }, viewer);
    expect(data.validateWorkflow).toEqual({ isValid: true, faults: [] });
    const { rows } = await api.admin.query('select from public.workflows');
    expect(rows).toEqual([]);
  });

  it('says where in the input each fault is', async () => {
    const steps = asInput([choice('if', { then: ['if'] }), delay('x', { fallbackStepId: id('y') })]);
    const globalRetry = { fallbackAgent: randomUUID() };
    const { data } = await validate({ steps, startStepId: id('z'), globalRetry }, viewer);
    expect(data.validateWorkflow.isValid).toBe(false);
    const paths = data.validateWorkflow.faults.map(({ path }: { path: string[] }) => path.join('.'));
    expect(paths).toEqual([
      'input.startStepId',
      'input.steps.1.fallbackStepId',
      'input.steps.0',
      'input.globalRetry.fallbackAgent',
    ]);
  });

  it('sees agents as the caller does, and is not for nobody', async () => {
    const steps = asInput(everyType(await insertAgent(api.admin, tenantId)));
    const { data } = await validate({ steps }, stranger);
    expect(data.validateWorkflow.faults).toEqual([
      {
        path: ['input', 'steps', '6', 'config', 'agent', 'agentId'],
        message: 'of "agent" must be the id of an agent that you may see',
      },
    ]);
    expect((await validate({ steps })).errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });

  it('takes exactly one type for a step and for a trigger, however often it is asked', async () => {
    const config = { delay: { duration: 1 }, match: { pattern: 'a', fields: ['b'] } };
    const refused = [
      [{ steps: [{ id: id('a'), name: 'a', config }] }, 'WorkflowStepConfigInput'],
      [{ steps: [{ id: id('a'), name: 'a', config: {} }] }, 'WorkflowStepConfigInput'],
      [{ steps: [], trigger: { manual: true, api: {} } }, 'WorkflowTriggerInput'],
    ] as const;
    for (const _use of Array.from({ length: 5 })) {
      for (const [input, typename] of refused) {
        expect((await validate(input, viewer)).errors?.[0]?.message).toContain(typename);
      }
    }
  });
});

describe('workflowGraph', () => {
  const steps = [loop('each', ['b']), delay('b'), delay('c'), delay('c')];
  const drawn = {
    nodes: [
      { name: 'each', type: 'LOOP', isReachable: true },
      { name: 'b', type: 'DELAY', isReachable: true },
      { name: 'c', type: 'DELAY', isReachable: true },
    ],
    edges: [
      { from: id('each'), to: id('b'), kind: 'LOOP' },
      { from: id('each'), to: id('c'), kind: 'NEXT' },
      { from: id('b'), to: id('each'), kind: 'REPEAT' },
    ],
  };

  it('draws a workflow, and a definition that is not right yet', async () => {
    const workflow = await insertWorkflow(api.admin, tenantId, { steps, startStepId: id('each') });
    for (const args of [
      { id: workflow },
      { id: Buffer.from(`Workflow:${workflow}`).toString('base64') },
      { definition: { steps: asInput(steps) } },
    ]) {
      const { data, errors } = await graph(args, viewer);
      expect(errors).toBeUndefined();
      expect(data.workflowGraph).toEqual(drawn);
    }
  });

  it('draws nobody else’s', async () => {
    const workflow = await insertWorkflow(api.admin, tenantId, { steps, startStepId: id('each') });
    expect((await graph({ id: workflow }, stranger)).data).toEqual({ workflowGraph: null });
    expect((await graph({ id: randomUUID() }, viewer)).data).toEqual({ workflowGraph: null });
    expect((await graph({ id: 'no uuid' }, viewer)).data).toEqual({ workflowGraph: null });
    expect((await graph({ id: workflow })).errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });

  it('is asked for one thing', async () => {
    expect((await graph({}, viewer)).errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
  });
});
