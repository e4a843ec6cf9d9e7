import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../../src/platform/feed/feed.ts';
import {
  type Data,
  type Document,
  insertConfig,
  startApi,
  type TestApi,
  type User,
} from '../../support/api.ts';
import { connectFeed, type FeedClient, insertTraining, line } from '../../support/feed.ts';
import { START } from '../../support/start.graphql.ts';

let api: TestApi;
let user: User;
let writer: FeedClient;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  writer = await connectFeed(api.database.admin);
});
afterAll(async () => {
  await writer.client.end();
  await api.close();
});

const ask = async (query: Document, variables: object = {}, as: User = user): Promise<Data> => {
  const { data, errors } = await api.ask(query, variables, as);
  expect(errors).toBeUndefined();
  return data;
};

async function start(): Promise<string> {
  const { publicId } = await insertConfig(api.admin, user.id);
  const data = await ask(START, { input: { publicId, method: 'SFT', provider: 'LOCAL' } });
  return data.startTraining.databaseId;
}

const cancel = (id: string) =>
  ask(
    `mutation ($id: ID!) { cancelTraining(id: $id, reason: "enough") {
       __typename ... on TrainingExecution { status completedAt } ... on Error { code } } }`,
    { id },
  );
const retry = (id: string) =>
  ask(
    `mutation ($id: ID!) { retryTraining(id: $id) {
       __typename ... on TrainingExecution { databaseId status retryOf { databaseId } } ... on Error { code } } }`,
    { id },
  );

describe('steering a run', () => {
  it('cancels one that waits, once, and runs it again as another', async () => {
    const id = await start();
    expect((await retry(id)).retryTraining.code).toBe('EXECUTION_NOT_ENDED');
    expect((await cancel(id)).cancelTraining).toMatchObject({ status: 'CANCELLED' });
    expect((await cancel(id)).cancelTraining.code).toBe('EXECUTION_ENDED');
    const again = (await retry(id)).retryTraining;
    expect(again).toMatchObject({ status: 'PENDING', retryOf: { databaseId: id } });
    expect(again.databaseId).not.toBe(id);
  });

  it('says of a run that cannot run again what is wrong with the run, not with an input that was not given', async () => {
    const retryAll = `mutation ($id: ID!, $key: String) {
      retryTraining(id: $id, idempotencyKey: $key) { __typename ... on Error { code path } } }`;
    const { publicId } = await insertConfig(api.admin, user.id);
    const id = await start();
    await cancel(id);
    const elsewhere = async (change: string) => {
      const foreign = await insertTraining(writer, user.id);
      await api.admin.query(`update training_executions set status = 'failed', ${change} where id = $1`, [
        foreign,
      ]);
      return (await ask(retryAll, { id: foreign })).retryTraining;
    };
    expect(await elsewhere(`provider = 'openai', public_id = '${publicId}'`)).toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      path: ['id'],
    });
    expect(await elsewhere(`provider = 'abacus', public_id = '${publicId}'`)).toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      path: ['id'],
    });
    expect(await elsewhere(`public_id = 'no-such-config'`)).toMatchObject({
      code: 'NOT_FOUND',
      path: ['id'],
    });
    const key = 'retry-paths';
    expect((await ask(retryAll, { id, key })).retryTraining.__typename).toBe('TrainingExecution');
    const other = await start();
    await cancel(other);
    expect((await ask(retryAll, { id: other, key })).retryTraining).toMatchObject({
      code: 'CONFLICT',
      path: ['idempotencyKey'],
    });
  });

  it('takes lines and progress of the owner’s until the end, and none after it', async () => {
    const id = await insertTraining(writer, user.id);
    const append = `mutation ($id: ID!) { appendTrainingLogs(id: $id, lines: [{message: "a"}, {message: "b", level: "warn"}]) {
      ... on AppendedEvents { lastSeq execution { logs { edges { node { seq ... on LogEvent { message level } } } } } }
      ... on Error { code } } }`;
    const report = `mutation ($id: ID!, $input: TrainingProgressInput!) { reportTrainingProgress(id: $id, input: $input) {
      ... on AppendedEvents { lastSeq execution { progress etaSeconds } } ... on Error { code }
      ... on ValidationError { fields { path } } } }`;
    expect((await ask(append, { id })).appendTrainingLogs).toEqual({
      lastSeq: 3,
      execution: {
        logs: {
          edges: [
            { node: { seq: 2, message: 'a', level: 'info' } },
            { node: { seq: 3, message: 'b', level: 'warn' } },
          ],
        },
      },
    });
    const input = { percent: 40, step: 4, totalSteps: 10, etaSeconds: 3600, metrics: { loss: 2.5 } };
    expect((await ask(report, { id, input })).reportTrainingProgress).toMatchObject({
      lastSeq: 5,
      execution: { progress: 40, etaSeconds: expect.toSatisfy((eta: number) => eta > 3500 && eta <= 3600) },
    });
    const faulty = { percent: 101, etaSeconds: -1 };
    expect((await ask(report, { id, input: faulty })).reportTrainingProgress.fields).toHaveLength(2);
    await cancel(id);
    expect((await ask(append, { id })).appendTrainingLogs).toEqual({ code: 'EXECUTION_ENDED' });
  });
});

describe('listing runs', () => {
  it('pages through them without overlap, filters, counts and orders', async () => {
    const me = await api.makeUser();
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1)
      ids.push(await insertTraining(writer, me.id, { status: i < 2 ? 'running' : 'pending' }));
    // All made at one moment: only the tie-breaker orders them.
    await api.admin.query(
      "update training_executions set created_at = '2026-01-01', provider = case status when 'running' then 'local' else 'modal' end where user_id = $1",
      [me.id],
    );
    const list = `query ($after: String, $filter: TrainingExecutionFilter) {
      trainingExecutions(first: 3, after: $after, filter: $filter) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { databaseId provider providerText } } } }`;
    const found: string[] = [];
    for (let after: string | null = null; ; ) {
      const { trainingExecutions: page }: Data = await ask(list, { after }, me);
      expect(page.totalCount).toBe(7);
      found.push(...page.edges.map(({ node }: Data) => node.databaseId));
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
    }
    expect(found).toEqual(ids.toSorted().reverse());
    const running = await ask(list, { filter: { status: ['RUNNING'] } }, me);
    expect(running.trainingExecutions.totalCount).toBe(2);
    const odd = await ask(
      list,
      { filter: { provider: ['UNKNOWN'], createdBefore: '2026-01-02T00:00:00Z' } },
      me,
    );
    expect(odd.trainingExecutions.totalCount).toBe(5);
    expect(odd.trainingExecutions.edges[0].node).toMatchObject({
      provider: 'UNKNOWN',
      providerText: 'modal',
    });
  });

  it('refuses pages above 100 in words', async () => {
    const { errors } = await api.ask('{ trainingExecutions(first: 101) { edges { cursor } } }', {}, user);
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    expect(errors?.[0]?.message).toContain('100');
  });

  it('reads the events of many runs page by page, from either end', async () => {
    const me = await api.makeUser();
    for (let i = 0; i < 3; i += 1) {
      const id = await insertTraining(writer, me.id);
      await appendEvents(writer, { kind: 'training', id, events: ['a', 'b', 'c'].map(line) });
    }
    const { trainingExecutions } = await ask(
      `{ trainingExecutions { edges { node {
        newest: logs(last: 2) { pageInfo { hasPreviousPage startCursor } edges { node { ... on LogEvent { message } } } }
        events(first: 2, after: "1", types: [LOG, STATUS]) { pageInfo { hasNextPage endCursor } edges { cursor } }
      } } } }`,
      {},
      me,
    );
    const node = {
      newest: {
        pageInfo: { hasPreviousPage: true, startCursor: '3' },
        edges: [{ node: { message: 'b' } }, { node: { message: 'c' } }],
      },
      events: { pageInfo: { hasNextPage: true, endCursor: '3' }, edges: [{ cursor: '2' }, { cursor: '3' }] },
    };
    expect(trainingExecutions.edges).toEqual([{ node }, { node }, { node }]);
  });

  it('finds a run by either of its ids', async () => {
    const id = await insertTraining(writer, user.id);
    const { trainingExecution } = await ask('query ($id: ID!) { trainingExecution(id: $id) { id } }', { id });
    const again = await ask(
      'query ($id: ID!) { trainingExecution(id: $id) { databaseId } node(id: $id) { id } }',
      {
        id: trainingExecution.id,
      },
    );
    expect(again).toEqual({ trainingExecution: { databaseId: id }, node: { id: trainingExecution.id } });
  });
});

describe('configs and datasets', () => {
  const create = `mutation ($input: CreateTrainingConfigInput!) { createTrainingConfig(input: $input) {
    ... on TrainingConfig { databaseId isPublic isMine config datasets { name format } }
    ... on Error { code path } ... on ValidationError { fields { path } } } }`;

  it('are made, changed, published and deleted by their owner', async () => {
    const made = await ask(
      `mutation { createTrainingDataset(input: {name: "tales", storagePath: "datasets/tales.jsonl", format: CHATML}) {
         ... on TrainingDataset { databaseId id } } }`,
    );
    const dataset = made.createTrainingDataset;
    const input = {
      name: 'One',
      publicId: 'one',
      config: { model: { name: 'tiny' } },
      datasetIds: [dataset.id],
    };
    const config = (await ask(create, { input })).createTrainingConfig;
    expect(config).toMatchObject({
      isPublic: false,
      isMine: true,
      config: { model: { name: 'tiny' } },
      datasets: [{ name: 'tales', format: 'CHATML' }],
    });
    expect((await ask(create, { input })).createTrainingConfig).toMatchObject({
      code: 'CONFLICT',
      path: ['input', 'publicId'],
    });
    const changed = await ask(
      `mutation ($id: ID!) { updateTrainingConfig(id: $id, input: {name: "Two", datasetIds: []}) {
         ... on TrainingConfig { name datasets { name } } } }`,
      { id: config.databaseId },
    );
    expect(changed.updateTrainingConfig).toEqual({ name: 'Two', datasets: [] });
    const published = await ask(
      'mutation ($id: ID!) { publishTrainingConfig(id: $id) { ... on TrainingConfig { isPublic } } }',
      { id: config.databaseId },
    );
    expect(published.publishTrainingConfig.isPublic).toBe(true);
    const remove =
      'mutation ($id: ID!) { deleteTrainingConfig(id: $id) { ... on Deleted { databaseId } ... on Error { code } } }';
    expect((await ask(remove, { id: config.databaseId })).deleteTrainingConfig).toEqual({
      databaseId: config.databaseId,
    });
    expect((await ask(remove, { id: config.databaseId })).deleteTrainingConfig).toEqual({
      code: 'NOT_FOUND',
    });
  });

  it('name every faulty field', async () => {
    const input = {
      name: '',
      publicId: '-x',
      config: { model: {}, training: { method: 'magic' } },
      datasetIds: ['x'],
    };
    const { fields } = (await ask(create, { input })).createTrainingConfig;
    expect(fields.map(({ path }: Data) => path.join('.')).sort()).toEqual([
      'input.config.model.name',
      'input.config.training.method',
      'input.datasetIds.0',
      'input.name',
      'input.publicId',
    ]);
  });

  it.each([
    '/etc/passwd',
    '../up',
    'a/../../b',
    'a\\b',
    '~/x',
    'C:x',
    'file:///x',
    'ftp://x/y',
    'a//b',
    'a\u0000b',
  ])('refuse the storage path %j', async (storagePath) => {
    const { createTrainingDataset } = await ask(
      `mutation ($path: String!) { createTrainingDataset(input: {name: "x", storagePath: $path, format: CHATML}) {
           ... on ValidationError { fields { path } } } }`,
      { path: storagePath },
    );
    expect(createTrainingDataset.fields).toEqual([{ path: ['input', 'storagePath'] }]);
  });
});
