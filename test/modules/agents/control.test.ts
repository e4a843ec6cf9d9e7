import { expect, it, onTestFinished } from 'vitest';
import { createWorker } from '../../../src/app/worker.ts';
import { openAgentRuns } from '../../support/agent-runs.ts';
import { type Asked, startModelServer, type Turn } from '../../support/model-server.ts';
import { apiTool, callOverHttp, startToolServer } from '../../support/tool-server.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';

const { promise: never } = Promise.withResolvers<void>();
const toolRunners = { api: callOverHttp };
const capabilities = { canAccessExternalAPIs: true };

const CANCEL = `mutation ($id: ID!) {
  cancelAgentExecution(id: $id, reason: "enough") { __typename ... on Error { code } }
}`;

async function open(
  turns: (asked: Asked, before: number) => Turn,
  options: { withoutWorker?: boolean } = {},
) {
  const server = await startModelServer(turns);
  onTestFinished(server.close);
  const runs = await openAgentRuns({ baseUrl: server.baseUrl, ports: { toolRunners }, ...options });
  onTestFinished(runs.close);
  return { server, runs };
}

it('ends a run within three seconds of its cancellation, while the model speaks', async () => {
  const { runs } = await open(() => ({
    text: ['One', 'two'],
    between: (piece) => (piece === 1 ? never : Promise.resolve()),
  }));
  const id = await runs.run(await runs.agent(), { stream: true });
  await runs.events(id, ({ delta }) => delta === 'One');
  const begun = performance.now();
  await runs.api.ask(CANCEL, { id }, runs.user);
  const ended = await runs.ended(id);
  expect(performance.now() - begun).toBeLessThan(3_000);
  expect(ended.status).toBe('CANCELLED');
  expect(ended.stateLogs.edges.at(-1).node.status).toBe('CANCELLED');
  const { data } = await runs.api.ask(CANCEL, { id }, runs.user);
  expect(data.cancelAgentExecution).toMatchObject({ code: 'EXECUTION_ENDED' });
});

it('ends the call of a tool with its run', async () => {
  const tools = await startToolServer(() => never);
  onTestFinished(tools.close);
  const { runs } = await open(() => ({ calls: [{ name: 'slow', args: '{}' }] }));
  const id = await runs.run(
    await runs.agent({ planningStyle: 'reactive', capabilities, tools: [apiTool(tools.url, 'slow')] }),
  );
  await tools.until(1);
  const begun = performance.now();
  await runs.api.ask(CANCEL, { id }, runs.user);
  expect(await runs.ended(id)).toMatchObject({ status: 'CANCELLED' });
  expect(performance.now() - begun).toBeLessThan(3_000);
});

it('hands a run back when its worker shuts down, and goes on elsewhere with what is done', async () => {
  const tools = await startToolServer(() => 'sun');
  onTestFinished(tools.close);
  const { server, runs } = await open(
    (_asked, before) =>
      [
        { calls: [{ name: 'weather', args: '{}' }] },
        { text: ['It', 'rains'], between: (piece: number) => (piece === 1 ? never : Promise.resolve()) },
        { text: ['It shines.'] },
      ][before] ?? { status: 400 },
    { withoutWorker: true },
  );
  const start = async () => {
    const { config, api, log } = runs;
    const options = { config, workerUrl: api.database.worker, log: log.log, agentPorts: { toolRunners } };
    const worker = createWorker(options);
    await worker.start();
    return worker;
  };
  const first = await start();
  const tool = apiTool(tools.url, 'weather');
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', capabilities, tools: [tool] }));
  await server.until(2);
  await first.stop(4_000);
  const second = await start();
  onTestFinished(() => second.stop(4_000));
  const ended = await runs.ended(id);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'It shines.', attempt: 2 });
  expect(tools.requests).toHaveLength(1);
  expect(server.asked).toHaveLength(3);
  expect(ended.steps.map(({ tries }: { tries: number }) => tries)).toEqual([1, 1, 2]);
});

it('takes the run of a killed worker over, calls no tool again whose result is there, and the other with its key', async () => {
  const tools = await startToolServer(async ({ path }, before) => {
    // The second tool's first call goes down with its worker.
    if (path === '/second' && before === 1) await never;
    return `${path} done`;
  });
  onTestFinished(tools.close);
  const { server, runs } = await open(
    (_asked, before) =>
      [
        { calls: [{ name: 'first', args: '{}' }] },
        { calls: [{ name: 'second', args: '{}' }] },
        { text: ['Both.'] },
      ][before] ?? { status: 400 },
    { withoutWorker: true },
  );
  const start = async () => {
    const { config, api } = runs;
    const options = { config, workerUrl: api.database.worker, fixture: 'agent-worker.ts' };
    const worker = await startWorkerProcess(options);
    onTestFinished(async () => {
      worker.signal('SIGKILL');
      await worker.gone;
    });
    return worker;
  };
  const first = await start();
  const id = await runs.run(
    await runs.agent({
      ...{ planningStyle: 'reactive', capabilities },
      tools: ['first', 'second'].map((name) => apiTool(tools.url, name)),
    }),
  );
  await tools.until(2);
  first.signal('SIGKILL');
  const begun = performance.now();
  await start();
  await tools.until(3);
  expect(performance.now() - begun).toBeLessThan(20_000);
  const ended = await runs.ended(id);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'Both.', attempt: 2 });
  expect(tools.requests.map(({ path, key }) => `${path} ${key}`)).toEqual([
    `/first ${id}:model/0/tool/0`,
    `/second ${id}:model/1/tool/0`,
    `/second ${id}:model/1/tool/0`,
  ]);
  expect(server.asked).toHaveLength(3);
}, 60_000);
