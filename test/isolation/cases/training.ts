import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import {
  appendEvents,
  finishExecution,
  startExecution,
  takeExecution,
} from '../../../src/platform/feed/feed.ts';
import type { TestApi } from '../../support/api.ts';
import {
  asPerson,
  type Cases,
  edges,
  globalOnly,
  type MakeTarget,
  type Person,
  type Seen,
  sqlOf,
} from '../case.ts';

const config: MakeTarget = async (admin, person) => {
  const { id, publicId, datasetId } = await insertConfig(admin, person, false);
  return {
    id: { row: id, typename: 'TrainingConfig' },
    publicId: { row: publicId },
    datasetId: { row: datasetId, typename: 'TrainingDataset' },
  };
};

const publicConfig: MakeTarget = async (admin, person) => {
  const { id, publicId } = await insertConfig(admin, person, true);
  return { id: { row: id, typename: 'TrainingConfig' }, publicId: { row: publicId } };
};

/** A tenant, to start a run for from a config that everybody may start. */
const tenant: MakeTarget = async (admin, person) => {
  const { publicId } = await insertConfig(admin, person, true);
  return { tenantId: { row: person.tenantId }, publicId: { row: publicId, isShared: true } };
};

const dataset: MakeTarget = async (admin, person) => ({
  id: { row: await insertDataset(admin, person), typename: 'TrainingDataset' },
});

export const waitingRun: MakeTarget = async (admin, person) => runId(await startRun(admin, person));

export const endedRun: MakeTarget = async (admin, person) => {
  const first = await endRun(admin, person, await startRun(admin, person));
  return runId(await endRun(admin, person, await startRun(admin, person, first)));
};

const everybody: Seen = { as: 'the owner', because: 'the config is public' };
const isPublic = { stranger: everybody, anon: everybody, viewer: everybody, former: everybody };

const ownDatasets: Seen = { as: 'parent only', because: 'the config is public, its datasets are not' };
const ofPublic = { stranger: ownDatasets, anon: ownDatasets, viewer: ownDatasets, former: ownDatasets };

const starts: Seen = { as: 'the owner', because: 'whoever is signed in may start runs from a public config' };
const signedIn = { stranger: starts, viewer: starts, former: starts };

const viewsOnly: Seen = { as: 'forbidden', because: 'a viewer of the tenant starts nothing for it' };

export const training: Cases = {
  'Query.node(TrainingConfig)': { call: 'node(id: $id)', target: globalOnly(config, 'id') },
  'Query.node(TrainingDataset)': { call: 'node(id: $id)', target: globalOnly(dataset, 'id') },
  'Query.node(TrainingExecution)': { call: 'node(id: $id)', target: globalOnly(endedRun, 'id') },
  'Query.trainingConfig': [
    { call: 'trainingConfig(id: $id)', target: config },
    { call: 'trainingConfig(publicId: $publicId)', target: config },
    { call: 'trainingConfig(id: $id)', target: publicConfig, seen: isPublic },
  ],
  'Query.trainingConfigs': { call: 'trainingConfigs(filter: { isPublic: false })' },
  'Query.trainingDataset': { call: 'trainingDataset(id: $id)', target: dataset },
  'Query.trainingDatasets': { call: 'trainingDatasets(first: 100)' },
  'Query.trainingExecution': { call: 'trainingExecution(id: $id)', target: endedRun },
  'Query.trainingExecutions': [
    { call: 'trainingExecutions(first: 100)' },
    { call: 'trainingExecutions(filter: { status: [COMPLETED] }, orderBy: { field: UPDATED_AT })' },
  ],
  'TrainingConfig.datasets': [
    { call: 'trainingConfig(id: $id)', target: config },
    { call: 'trainingConfig(id: $id)', target: publicConfig, seen: ofPublic },
    { call: 'trainingConfigs(filter: { isPublic: false })' },
  ],
  ...edges(
    ['config', 'events', 'logs', 'result', 'retryOf', 'tenant'].map((name) => `TrainingExecution.${name}`),
    { call: 'trainingExecution(id: $id)', target: endedRun },
  ),

  'Mutation.startTraining': [
    { call: 'startTraining(input: { publicId: $publicId, method: SFT, provider: LOCAL })', target: config },
    {
      call: 'startTraining(input: { publicId: $publicId, method: SFT, provider: LOCAL })',
      target: publicConfig,
      seen: signedIn,
    },
    {
      call: 'startTraining(input: { publicId: $publicId, tenantId: $ownTenant, method: SFT, provider: LOCAL })',
      target: config,
    },
    {
      call: 'startTraining(input: { publicId: $publicId, tenantId: $tenantId, method: SFT, provider: LOCAL })',
      target: tenant,
      seen: { viewer: viewsOnly },
    },
  ],
  'Mutation.retryTraining': { call: 'retryTraining(id: $id)', target: endedRun },
  'Mutation.cancelTraining': { call: 'cancelTraining(id: $id, reason: "not mine")', target: waitingRun },
  'Mutation.appendTrainingLogs': {
    call: 'appendTrainingLogs(id: $id, lines: [{ message: "not mine" }])',
    target: waitingRun,
  },
  'Mutation.reportTrainingProgress': {
    call: 'reportTrainingProgress(id: $id, input: { percent: 99 })',
    target: waitingRun,
  },
  'AppendedEvents.execution': [
    { call: 'appendTrainingLogs(id: $id, lines: [{ message: "not mine" }])', target: waitingRun },
    { call: 'reportTrainingProgress(id: $id, input: { percent: 99 })', target: waitingRun },
  ],
  'Mutation.createTrainingConfig': {
    call: 'createTrainingConfig(input: { name: "x", publicId: $fresh, config: {}, datasetIds: [$id] })',
    target: dataset,
  },
  'Mutation.updateTrainingConfig': [
    { call: 'updateTrainingConfig(id: $id, input: { name: "not mine" })', target: config },
    { call: 'updateTrainingConfig(id: $id, input: { datasetIds: [$datasetId] })', target: config },
  ],
  'Mutation.publishTrainingConfig': { call: 'publishTrainingConfig(id: $id)', target: config },
  'Mutation.deleteTrainingConfig': [
    { call: 'deleteTrainingConfig(id: $id)', target: config },
    { call: 'deleteTrainingConfig(id: $id)', target: publicConfig },
  ],
  'Mutation.createTrainingDataset': {
    call: 'createTrainingDataset(input: { name: "x", storagePath: "datasets/x.jsonl", format: CHATML })',
  },
  'Mutation.updateTrainingDataset': {
    call: 'updateTrainingDataset(id: $id, input: { name: "not mine" })',
    target: dataset,
  },
  'Mutation.deleteTrainingDataset': { call: 'deleteTrainingDataset(id: $id)', target: dataset },

  'Subscription.executionEvents': { call: 'executionEvents(id: $id)', target: endedRun },
  'ExecutionEventBatch.events': { call: 'executionEvents(id: $id)', target: endedRun },
  'Subscription.executionChanged': { call: 'executionChanged(id: $id)', target: endedRun },
  'Subscription.executionsChanged': {
    call: 'executionsChanged',
    provoke: ({ admin }: TestApi, person) => startRun(admin, person),
  },
  'Subscription.executionListChanged': {
    call: 'executionListChanged',
    provoke: ({ admin }: TestApi, person) => startRun(admin, person),
  },
  'TrainingExecutionListChange.execution': {
    call: 'executionListChanged',
    provoke: ({ admin }: TestApi, person) => startRun(admin, person),
  },
};

function runId(row: string) {
  return { id: { row, typename: 'TrainingExecution' } };
}

async function insertDataset(admin: Client, { id, mark }: Person): Promise<string> {
  const { rows } = await admin.query(
    `insert into public.training_datasets (user_id, name, storage_path, format)
     values ($1, $2, 'datasets/' || $2 || '.jsonl', 'chatml') returning id`,
    [id, mark],
  );
  return rows[0].id;
}

async function insertConfig(admin: Client, person: Person, isOpen: boolean) {
  const publicId = `config-${randomUUID()}`;
  const datasetId = await insertDataset(admin, person);
  const { rows } = await admin.query(
    `with made as (
       insert into public.training_configs (user_id, name, public_id, is_public, config_json, gist_urls)
       values ($1, case when $4 then 'open' else $2 end, $3, $4, '{"model": {"name": "tiny"}}', '{}') returning id),
     linked as (
       insert into public.training_config_datasets (config_id, dataset_id) select id, $5 from made)
     select id from made`,
    [person.id, person.mark, publicId, isOpen, datasetId],
  );
  return { id: rows[0].id as string, publicId, datasetId };
}

/** A run of a config of the person's, started for his tenant as the API does it. */
async function startRun(admin: Client, person: Person, retryOf?: string): Promise<string> {
  const { publicId } = await insertConfig(admin, person, false);
  const id = `exec_${randomUUID()}`;
  await asPerson(admin, person, async () => {
    await admin.query(
      `insert into public.training_executions (id, user_id, public_id, method, provider, config)
       values ($1, $2, $3, 'sft', 'local', jsonb_build_object('note', $4::text))`,
      [id, person.id, publicId, person.mark],
    );
    const { tenantId } = person;
    await startExecution(sqlOf(admin), { kind: 'training', id, tenantId, ...(retryOf && { retryOf }) });
  });
  return id;
}

async function endRun(admin: Client, { mark }: Person, id: string): Promise<string> {
  const ref = { kind: 'training', id } as const;
  const sql = sqlOf(admin);
  const attempt = (await takeExecution(sql, { ...ref, worker: 'w' })) ?? 0;
  const log = { type: 'log', payload: { level: 'info', message: mark, source: 'stdout' } } as const;
  await appendEvents(sql, { ...ref, attempt, events: [log] });
  await finishExecution(sql, { ...ref, attempt, status: 'completed', result: { model_path: mark } });
  return id;
}
