import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, insertConfig, startApi, type TestApi, type User } from '../../support/api.ts';
import { START } from '../../support/start.graphql.ts';

let api: TestApi;
let owner: User;
let stranger: User;
let secret: { id: string; publicId: string };
let open: { id: string; publicId: string };
let datasetId: string;
let executionId: string;
let executionNode: string;

beforeAll(async () => {
  api = await startApi();
  owner = await api.makeUser();
  stranger = await api.makeUser();
  secret = await insertConfig(api.admin, owner.id);
  open = await insertConfig(api.admin, owner.id, { isPublic: true });
  const dataset = await api.ask(
    `mutation { createTrainingDataset(input: {name: "d", storagePath: "datasets/d.jsonl", format: CHATML}) {
       ... on TrainingDataset { databaseId } } }`,
    {},
    owner,
  );
  datasetId = dataset.data.createTrainingDataset.databaseId;
  const input = { publicId: secret.publicId, method: 'SFT', provider: 'LOCAL' };
  const run = await api.ask(START, { input }, owner);
  executionId = run.data.startTraining.databaseId;
  executionNode = run.data.startTraining.id;
});
afterAll(() => api.close());

const READ = `query ($config: ID!, $dataset: ID!, $execution: ID!, $node: ID!) {
  trainingConfig(id: $config) { name }
  trainingDataset(id: $dataset) { name }
  trainingExecution(id: $execution) { status logs(first: 1) { edges { node { seq } } } }
  node(id: $node) { id }
  trainingConfigs(filter: {isPublic: false}) { totalCount edges { node { publicId } } }
  trainingDatasets { totalCount edges { node { name } } }
  trainingExecutions { totalCount edges { node { databaseId } } }
}`;

const variables = () => ({
  config: secret.id,
  dataset: datasetId,
  execution: executionId,
  node: executionNode,
});

describe.each([
  ['a stranger', () => stranger],
  ['nobody', () => undefined],
])('to %s', (_name, who) => {
  it('nothing of the owner’s is there to read', async () => {
    if (who() === undefined) return expectBlindAnonymous();
    const { data } = await api.ask(READ, variables(), who());
    const empty = { totalCount: 0, edges: [] };
    expect(data).toEqual({
      trainingConfig: null,
      trainingDataset: null,
      trainingExecution: null,
      node: null,
      trainingConfigs: empty,
      trainingDatasets: empty,
      trainingExecutions: empty,
    });
  });

  it('public configs are', async () => {
    const { data } = await api.ask('{ trainingConfigs { edges { node { publicId isMine } } } }', {}, who());
    expect(data.trainingConfigs.edges).toEqual([{ node: { publicId: open.publicId, isMine: false } }]);
  });

  it.each([
    ['cancelTraining', 'cancelTraining(id: $id)', () => executionId],
    ['retryTraining', 'retryTraining(id: $id)', () => executionId],
    ['appendTrainingLogs', 'appendTrainingLogs(id: $id, lines: [{message: "x"}])', () => executionId],
    ['reportTrainingProgress', 'reportTrainingProgress(id: $id, input: {percent: 1})', () => executionId],
    ['updateTrainingConfig', 'updateTrainingConfig(id: $id, input: {name: "mine"})', () => secret.id],
    [
      'updateTrainingConfig of a public one',
      'updateTrainingConfig(id: $id, input: {name: "x"})',
      () => open.id,
    ],
    ['publishTrainingConfig', 'publishTrainingConfig(id: $id)', () => secret.id],
    ['deleteTrainingConfig', 'deleteTrainingConfig(id: $id)', () => open.id],
    ['updateTrainingDataset', 'updateTrainingDataset(id: $id, input: {name: "mine"})', () => datasetId],
    ['deleteTrainingDataset', 'deleteTrainingDataset(id: $id)', () => datasetId],
  ])('%s changes nothing', async (_field, call, id) => {
    const before = await everything();
    const { data, errors } = await api.ask(
      `mutation ($id: ID!) { result: ${call} { ... on Error { code } } }`,
      { id: id() },
      who(),
    );
    expect(errors).toBeUndefined();
    expect(data.result).toEqual({ code: who() ? 'NOT_FOUND' : 'UNAUTHENTICATED' });
    expect(await everything()).toEqual(before);
  });

  it.each([
    'executionEvents(id: $id) { lastSeq }',
    'executionChanged(id: $id) { id }',
  ])('the subscription %s is refused', async (field) => {
    const socket = api.socket(who());
    const follow = socket.follow(`subscription ($id: ID!) { ${field} }`, { id: executionId });
    const failure: Data = await follow.next().catch((errors) => errors);
    expect(JSON.stringify(failure)).toMatch(who() ? /NOT_FOUND/ : /NOT_FOUND|UNAUTHENTICATED/);
    await socket.dispose();
  });

  it('the REST endpoints answer as if it were not there', async () => {
    const as = who();
    const headers = as ? { authorization: `Bearer ${as.token}` } : undefined;
    const status = await fetch(`${api.url}/api/training/execute/${executionId}/status`, {
      ...(headers && { headers }),
    });
    expect(status.status).toBe(as ? 404 : 401);
    const start = await fetch(`${api.url}/api/training/execute`, {
      method: 'POST',
      ...(headers && { headers }),
      body: JSON.stringify({ public_id: secret.publicId, method: 'sft', provider: 'local' }),
    });
    expect(start.status).toBe(as ? 404 : 401);
  });
});

async function expectBlindAnonymous() {
  const { data } = await api.ask(
    'query ($config: ID!) { trainingConfig(id: $config) { name } trainingConfigs(filter: {isPublic: false}) { totalCount } }',
    variables(),
  );
  expect(data).toEqual({ trainingConfig: null, trainingConfigs: { totalCount: 0 } });
  for (const field of [
    'trainingDatasets { totalCount }',
    'trainingExecutions { totalCount }',
    'viewer { id }',
  ]) {
    const result = await api.ask(`{ ${field} }`);
    expect(JSON.stringify(result)).not.toContain(executionId);
    expect(Object.values(result.data ?? {})[0] ?? null).toSatisfy(
      (value: Data) => value === null || value.totalCount === 0,
    );
  }
}

async function everything() {
  const { rows } = await api.admin.query(
    `select (select jsonb_agg(c order by id) from training_configs c) as configs,
       (select jsonb_agg(d order by id) from training_datasets d) as datasets,
       (select jsonb_agg(e order by id) from training_executions e) as executions,
       (select count(*) from runcast.execution_events) as events, (select count(*) from pgboss.job) as jobs`,
  );
  return rows[0];
}
