import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findMarked, RUN_MARKER } from '../../src/modules/training/local/marked-processes.ts';
import type { Data } from '../support/api.ts';
import { type Receiver, startRawReceiver } from '../support/receiver.ts';
import {
  hasEnded,
  hasLine,
  openTraining,
  statusesOf,
  type TrainingDatabase,
  trainers,
} from '../support/training.ts';
import { type ExamplesBench, openExamples } from './bench.ts';

type SilentServer = Receiver & { asked: Promise<void>; left: Promise<void> };

/** A server that never finishes its answer, and tells when it was asked and when the other side hung up. */
async function startSilentServer(): Promise<SilentServer> {
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const server = await startRawReceiver((request, response) => {
    request.resume();
    request.socket.once('close', () => left.resolve());
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n', () => asked.resolve());
  });
  return { ...server, asked: asked.promise, left: left.promise };
}

let bench: ExamplesBench;
let training: TrainingDatabase;
let slow: SilentServer;
let model: SilentServer;

beforeAll(async () => {
  [slow, model] = await Promise.all([startSilentServer(), startSilentServer()]);
  const command = [process.execPath, join(trainers, 'scripted.mjs')];
  bench = await openExamples({
    env: { MODEL_BASE_URL: `${model.url}/v1`, MODEL_DEFAULT: 'a-model' },
    change: (config) => ({ ...config, local: { ...config.local, command } }),
  });
  training = await openTraining(bench.api.database);
  // A trainer with a child that ignores SIGTERM and has left its group.
  await bench.api.admin.query(
    `update public.training_configs set config_json = config_json || '{"script": [{"child": true}, {"hang": true}]}'`,
  );
});
afterAll(async () => {
  await training?.close();
  await bench?.close();
  await Promise.all([slow?.close(), model?.close()]);
});

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

/** Three at once: a call, a training run and an agent. */
async function define(): Promise<string> {
  const { tenantId } = bench;
  const agent = { tenantId, name: 'Slow', version: '1.0.0', category: 'ANALYSIS', outputType: 'TEXT' };
  const { databaseId: agentId } = await bench.ask(
    'mutation ($input: CreateAgentInput!) { createAgent(input: $input) { ... on Agent { databaseId } } }',
    { input: agent },
  );
  const steps = [
    {
      id: id(1),
      name: 'Begin',
      config: { transform: { mapping: {} } },
      metadata: { next: [id(2), id(3), id(4)] },
    },
    {
      id: id(2),
      name: 'Call',
      config: { api: { endpoint: `${slow.url}/`, method: 'GET' } },
      metadata: { next: [id(5)] },
    },
    {
      ...{ id: id(3), name: 'Train', metadata: { next: [id(5)] } },
      config: { training: { publicId: 'proverbs', method: 'SFT', provider: 'LOCAL' } },
    },
    { id: id(4), name: 'Ask', config: { agent: { agentId, input: 'Hello?' } }, metadata: { next: [id(5)] } },
    { id: id(5), name: 'After', config: { transform: { mapping: {} } } },
  ];
  const workflow = await bench.ask(
    `mutation ($input: CreateWorkflowInput!) { createWorkflow(input: $input) {
       ... on Workflow { databaseId } ... on ValidationError { fields { path message } } } }`,
    { input: { tenantId, name: 'Slow', version: '1.0.0', category: 'CUSTOM', steps } },
  );
  return workflow.databaseId;
}

async function childOf(execution: string, kind: string): Promise<string> {
  const { rows } = await bench.api.admin.query<{ id: string }>(
    'select execution_id as id from runcast.execution_streams where parent_id = $1 and kind = $2',
    [execution, kind],
  );
  return rows[0]?.id ?? '';
}

it('ends the call, the trainer and the agent of a run within three seconds of its cancellation', async () => {
  const { databaseId: execution } = await bench.ask(
    'mutation ($id: ID!) { runWorkflow(workflowId: $id) { ... on WorkflowExecution { databaseId } } }',
    { id: await define() },
  );
  await Promise.all([slow.asked, model.asked]);
  await untilAwaiting(execution, ['Train', 'Ask']);
  const [trained, agent] = await Promise.all([childOf(execution, 'training'), childOf(execution, 'agent')]);
  await training.until(trained, hasLine(/^child/));
  expect((await findMarked(RUN_MARKER, trained)).length).toBeGreaterThanOrEqual(2);

  const begun = performance.now();
  await bench.ask('mutation ($id: ID!) { cancelExecution(id: $id, reason: "enough") { __typename } }', {
    id: execution,
  });
  const [run, , , events, agentRun] = await Promise.all([
    bench.ended(execution),
    slow.left,
    model.left,
    training.until(trained, hasEnded),
    agentEnded(agent),
  ]);
  const processes = await findMarked(RUN_MARKER, trained);
  expect(performance.now() - begun).toBeLessThan(3_000);
  expect(processes).toEqual([]);
  expect(run).toMatchObject({
    status: 'CANCELLED',
    steps: {
      ...{ Call: { state: 'CANCELLED' }, Train: { state: 'CANCELLED' }, Ask: { state: 'CANCELLED' } },
      After: { state: 'CANCELLED', output: null },
    },
  });
  expect(statusesOf(events).at(-1)).toBe('cancelled: enough');
  expect(agentRun.status).toBe('CANCELLED');
});

async function untilAwaiting(execution: string, names: readonly string[]): Promise<void> {
  const socket = bench.api.socket({ token: bench.token });
  const missing = new Set(names);
  const followed = socket.follow(
    `subscription ($id: ID!) { workflowExecutionEvents(id: $id, maxWaitMs: 0) {
       events { ... on StepEvent { name state } } } }`,
    { id: execution },
  );
  for await (const { data } of followed) {
    const { events } = data.workflowExecutionEvents;
    for (const { name, state } of events) if (state === 'awaiting') missing.delete(name);
    if (missing.size === 0) break;
  }
  await socket.dispose();
}

async function agentEnded(agent: string): Promise<Data> {
  const socket = bench.api.socket({ token: bench.token });
  const followed = socket.follow(
    'subscription ($id: ID!) { agentExecutionEvents(id: $id, maxWaitMs: 0) { ended } }',
    { id: agent },
  );
  for await (const { errors } of followed) if (errors) throw new Error(JSON.stringify(errors));
  await socket.dispose();
  return await bench.ask('query ($id: ID!) { agentExecution(id: $id) { status } }', { id: agent });
}
