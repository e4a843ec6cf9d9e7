import { expect, it, onTestFinished } from 'vitest';
import { openAgentRuns } from '../../support/agent-runs.ts';
import { startModelServer, type Turn } from '../../support/model-server.ts';

const tool = {
  ...{ id: 'check', name: 'check', description: 'Checks.', category: 'validation' },
  config: { schema: {} },
};
const calling = (usage: Turn['usage'] = {}): Turn => ({
  calls: [{ name: 'check', args: '{}' }],
  ...(usage && { usage }),
});

async function open(turn: Turn | (() => Turn)) {
  const server = await startModelServer(() => (typeof turn === 'function' ? turn() : turn));
  onTestFinished(server.close);
  const runs = await openAgentRuns({ baseUrl: server.baseUrl });
  onTestFinished(runs.close);
  const agent = (safetyConstraints: object, more: object = {}) =>
    runs.agent({ planningStyle: 'reactive', tools: [tool], safetyConstraints, ...more });
  return { server, runs, agent };
}

it('stops a model that speaks for longer than the run may take, in the middle of its answer', async () => {
  const { promise: never } = Promise.withResolvers<void>();
  const { runs, agent } = await open({
    text: ['a', 'b'],
    between: (piece) => (piece === 1 ? never : Promise.resolve()),
  });
  const begun = performance.now();
  const ended = await runs.ended(await runs.run(await agent({ maxExecutionTime: 700 })));
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'TIME_LIMIT' } });
  expect(performance.now() - begun).toBeLessThan(4_000);
});

it('stops a run that has used its tokens, and asks for no longer answers than are left', async () => {
  const { server, runs, agent } = await open(calling({ input: 300, output: 100 }));
  const ended = await runs.ended(await runs.run(await agent({ maxTokenUsage: 1_000 })));
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'TOKEN_LIMIT' } });
  expect(server.asked.map(({ max_tokens }) => max_tokens)).toEqual([1_000, 600, 200]);
  expect(ended.metricsJson.tokenUsage).toBe(1_200);
});

it('stops a run that has cost what it may', async () => {
  const { server, runs, agent } = await open(calling({ input: 100_000, output: 0 }));
  await runs.api.admin.query("select runcast.set_model_price('openai-compatible', 'test', 1, 1, 1)");
  const ended = await runs.ended(await runs.run(await agent({ maxCost: 0.25 })));
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'COST_LIMIT' } });
  expect(server.asked).toHaveLength(3);
  expect(ended.metricsJson.cost).toBe(0.3);
  expect(ended.stateLogs.edges.at(-1).node).toMatchObject({ status: 'FAILED', cost: '0.3' });
});

it('keeps no limit of tokens without knowing them: it stops', async () => {
  const { runs, agent } = await open({ text: ['Hm.'], withoutUsage: true });
  const ended = await runs.ended(await runs.run(await agent({ maxTokenUsage: 1_000 })));
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'USAGE_UNKNOWN' } });
});

it('makes calls wait for the next window once there were as many as may be, in all runs of the agent', async () => {
  let left = 2;
  const { server, runs, agent } = await open(() => {
    left -= 1;
    return left >= 0 ? calling() : { text: ['Done.'] };
  });
  const windowMs = 600;
  const agentId = await agent({ rateLimit: { requests: 2, windowMs } });
  expect(await runs.ended(await runs.run(agentId))).toMatchObject({ status: 'COMPLETED' });
  const [first = 0, second = 0, third = 0] = server.at;
  // Two calls a window: model and tool, model and tool, model.
  expect(second - first).toBeGreaterThan(windowMs - 100);
  expect(third - second).toBeGreaterThan(windowMs - 100);
});

it('waits for the next window no longer than the run may take', async () => {
  const { runs, agent } = await open(calling());
  const constraints = { rateLimit: { requests: 1, windowMs: 3_600_000 }, maxExecutionTime: 500 };
  const ended = await runs.ended(await runs.run(await agent(constraints)));
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'TIME_LIMIT' } });
});

it('has the last of its steps answer, where an agent would go on calling tools for ever', async () => {
  const { server, runs, agent } = await open(calling());
  const ended = await runs.ended(await runs.run(await agent({})));
  expect(server.asked).toHaveLength(25);
  expect(server.asked.at(-1)?.tools).toBeUndefined();
  expect(ended.status).toBe('COMPLETED');
});
