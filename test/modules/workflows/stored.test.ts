import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertAgent, insertTenant } from '../../support/agents.ts';
import { type Data, startApi, type TestApi, type User } from '../../support/api.ts';
import { insertWorkflow, type WorkflowValues } from '../../support/workflows.ts';
import { everyType, id } from './definitions.ts';

let api: TestApi;
let user: User;
let tenantId: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  tenantId = await insertTenant(api.admin, [{ user, role: 'viewer' }]);
});
afterAll(() => api.close());

const STEP = `__typename id name type typeText configJson timeout onError onErrorText fallbackStepId metadata
  retry { enabled maxAttempts backoff backoffText fallbackAgent }
  ... on UnknownStep { json }
  ... on TransformStep { config { mapping functions } }
  ... on MatchStep { config { pattern fields threshold } }
  ... on ReconcileStep { config { sourceA sourceB matchingRules reconciliationStrategy reconciliationStrategyText } }
  ... on ApiStep { config { endpoint method methodText headers body auth } }
  ... on DatabaseStep { config { operation table query data } }
  ... on GenerateStep { config { template format variables } }
  ... on AgentStep { config { agentId input waitForCompletion } agent { name } }
  ... on ConditionStep { config { conditions { field operator operatorText value logicalOperator } then else } }
  ... on LoopStep { config { items stepIds maxIterations } }
  ... on DelayStep { config { duration } }
  ... on HumanStep { config { prompt required timeout assignTo } }
  ... on NotificationStep { config { channel template recipients } }
  ... on WebhookStep { config { url method headers body } }
  ... on TrainingStep { config { publicId trainingMethod: method provider waitForCompletion } }`;

const WORKFLOW = `name category categoryText startStepId stepsJson triggerJson steps { ${STEP} }
  trigger { type typeText schedule { cron timezone } webhook { path method } event { eventName conditions { field } } api { endpoint } }
  globalRetry { maxAttempts } globalRetryJson errorHandler { strategy strategyText notification } errorHandlerJson
  graph { nodes { id name type typeText isStart isReachable } edges { from to kind } }`;

async function listed(): Promise<Data[]> {
  const { data, errors } = await api.ask(
    `{ workflows(first: 100) { edges { node { ${WORKFLOW} } } } }`,
    {},
    user,
  );
  expect(errors).toBeUndefined();
  return data.workflows.edges.map(({ node }: Data) => node);
}

async function insert(values: WorkflowValues): Promise<Data> {
  await insertWorkflow(api.admin, tenantId, values);
  return (await listed())[0];
}

it('gives a step of each type with its config', async () => {
  const agentId = await insertAgent(api.admin, tenantId, { name: 'An agent' });
  const steps = everyType(agentId);
  const { steps: shown, stepsJson } = await insert({ steps, startStepId: steps[0]?.id ?? '' });
  expect(stepsJson).toEqual(steps);
  expect(shown).toHaveLength(14);
  for (const [at, step] of steps.entries()) {
    const name = `${step.type.charAt(0).toUpperCase()}${step.type.slice(1)}Step`;
    expect(shown[at]).toMatchObject({
      __typename: name,
      id: step.id,
      typeText: step.type,
      configJson: step.config,
    });
  }
  const config = (type: string) => shown.find(({ typeText }: Data) => typeText === type).config;
  expect(config('reconcile')).toMatchObject({ reconciliationStrategy: 'PREFER_A', sourceA: 'input.bank' });
  expect(config('condition')).toEqual({
    conditions: [
      { field: 'input.ok', operator: 'EQUALS', operatorText: 'equals', value: true, logicalOperator: 'AND' },
    ],
    then: [id('delay')],
    else: null,
  });
  expect(config('loop')).toEqual({ items: 'input.items', stepIds: [id('human')], maxIterations: 10 });
  expect(config('delay')).toEqual({ duration: 2_592_000_000 });
  expect(config('notification').channel).toBe('IN_APP');
  expect(config('training')).toMatchObject({ trainingMethod: 'SFT', provider: 'LOCAL' });
  expect(shown.find(({ typeText }: Data) => typeText === 'agent').agent).toEqual({ name: 'An agent' });
});

it('gives an unknown step for what it does not know, and null for what does not fit', async () => {
  const steps = [
    { id: id('a'), type: 'teleport', name: 'Beam', config: { to: 'Mars' } },
    { type: 'api', config: { endpoint: 7, method: 'BREW' }, timeout: 'soon', onError: 'explode', retry: 3 },
    {
      id: 5,
      name: ['x'],
      type: 'condition',
      config: { conditions: [{ operator: 'near', field: 'a' }, 4], then: 'b' },
    },
    'not a step',
    null,
    { id: id('d'), type: 'delay', config: [1] },
  ];
  const { steps: shown, graph } = await insert({ steps, startStepId: id('a'), category: 'sorcery' });
  expect(shown[0]).toMatchObject({
    __typename: 'UnknownStep',
    type: 'UNKNOWN',
    typeText: 'teleport',
    json: steps[0],
  });
  expect(shown[1]).toMatchObject({
    ...{ __typename: 'ApiStep', id: null, name: null, timeout: null, retry: null },
    ...{ onError: 'UNKNOWN', onErrorText: 'explode' },
    config: { endpoint: null, method: 'UNKNOWN', methodText: 'BREW', headers: null },
  });
  expect(shown[2]).toMatchObject({
    ...{ id: null, name: null },
    config: {
      conditions: [
        { field: 'a', operator: 'UNKNOWN', operatorText: 'near', value: null, logicalOperator: null },
      ],
      then: null,
    },
  });
  expect(shown[3]).toMatchObject({ __typename: 'UnknownStep', id: null, typeText: null, json: 'not a step' });
  expect(shown[4]).toMatchObject({ __typename: 'UnknownStep', json: null });
  expect(shown[5]).toMatchObject({ __typename: 'DelayStep', config: null, configJson: [1] });
  expect(graph).toEqual({
    nodes: [
      { id: id('a'), name: 'Beam', type: 'UNKNOWN', typeText: 'teleport', isStart: true, isReachable: true },
      { id: id('d'), name: id('d'), type: 'DELAY', typeText: 'delay', isStart: false, isReachable: true },
    ],
    edges: [{ from: id('a'), to: id('d'), kind: 'NEXT' }],
  });
});

it.each([
  [{ steps: { a: 1 } }, { steps: null, stepsJson: { a: 1 } }],
  [{ steps: 7 }, { steps: null, graph: { nodes: [], edges: [] } }],
  [{ trigger: 'manual' }, { trigger: null, triggerJson: 'manual' }],
  [{ trigger: { type: 'moon' } }, { trigger: { type: 'UNKNOWN', typeText: 'moon', schedule: null } }],
  [{ trigger: [] }, { trigger: null }],
  [
    { trigger: { type: 'schedule', config: { cron: '0 3 * * *' } } },
    { trigger: { type: 'SCHEDULE', schedule: { cron: '0 3 * * *', timezone: null }, webhook: null } },
  ],
  [
    { trigger: { type: 'webhook', path: '/x', method: 'PUT' } },
    { trigger: { webhook: { path: '/x', method: 'PUT' } } },
  ],
  [{ globalRetry: 'often' }, { globalRetry: null, globalRetryJson: 'often' }],
  [
    { errorHandler: { strategy: 'pray', notification: 'yes' } },
    { errorHandler: { strategy: 'UNKNOWN', strategyText: 'pray', notification: null } },
  ],
  [{ category: 'sorcery' }, { category: 'UNKNOWN', categoryText: 'sorcery' }],
])('lists a workflow with %j', async (values, shown) => {
  expect(await insert(values)).toMatchObject(shown);
});
