import { expect, it, onTestFinished } from 'vitest';
import { openAgentRuns } from '../../support/agent-runs.ts';
import { type ModelServer, startModelServer, type Turn } from '../../support/model-server.ts';

async function open(turns: Turn[]) {
  const server: ModelServer = await startModelServer(turns);
  onTestFinished(server.close);
  const runs = await openAgentRuns({ baseUrl: server.baseUrl });
  onTestFinished(runs.close);
  return { server, runs };
}

const validating = {
  ...{ id: 'check', name: 'check', description: 'Checks.', category: 'validation' },
  parameters: { value: { type: 'number', required: true, description: 'What.' } },
  config: { schema: { type: 'number' } },
};

it('waits as long as a server that refuses for now asks for, and tries again', async () => {
  const { server, runs } = await open([
    { status: 429, headers: { 'retry-after': '1' } },
    { status: 503 },
    { text: ['Now.'] },
  ]);
  const id = await runs.run(await runs.agent());
  expect(await runs.ended(id)).toMatchObject({ status: 'COMPLETED', output: 'Now.' });
  const [first = 0, second = 0] = server.at;
  expect(second - first).toBeGreaterThan(990);
  expect(server.asked).toHaveLength(3);
});

it('fails at once where the server asks for more time than the run has', async () => {
  const { server, runs } = await open([{ status: 429, headers: { 'retry-after': '3600' } }]);
  const id = await runs.run(await runs.agent());
  const ended = await runs.ended(id);
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'MODEL_UNAVAILABLE' } });
  expect(server.asked).toHaveLength(1);
});

it('tells what is void of an answer that broke off, and takes the new one alone for the output', async () => {
  const { runs } = await open([{ text: ['Wro', 'ng'], drops: true }, { text: ['Right.'] }]);
  const id = await runs.run(await runs.agent(), { stream: true });
  const events = await runs.events(id);
  const told = events.flatMap(
    ({ delta, state, stepAttempt }) => delta ?? (state ? `${state} ${stepAttempt}` : []),
  );
  const voidAt = told.indexOf('void 1');
  expect(told[0]).toBe('running 1');
  expect(told.slice(1, voidAt).join('')).toBe('Wrong');
  expect(told.slice(voidAt + 1)).toEqual(['running 2', 'Right.', 'completed 1']);
  expect(await runs.state(id)).toMatchObject({ status: 'COMPLETED', output: 'Right.' });
});

it('answers arguments that are no JSON to the model, which may do better', async () => {
  const { server, runs } = await open([
    { calls: [{ name: 'check', args: '{"value": 1' }] },
    { calls: [{ name: 'check', args: '{"value": 1}' }] },
    { text: ['Fine.'] },
  ]);
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', tools: [validating] }));
  expect(await runs.ended(id)).toMatchObject({ status: 'COMPLETED', output: 'Fine.' });
  const told = server.asked[1]?.messages.at(-1);
  expect(told).toMatchObject({ role: 'tool' });
  expect(String(told?.content)).toContain('no JSON');
  expect(JSON.stringify(server.asked[2]?.messages.at(-1)?.content)).toContain('valid');
});

it('gives a model up that sends nothing but arguments which are no JSON', async () => {
  const broken: Turn = { calls: [{ name: 'check', args: '{{{' }] };
  const { server, runs } = await open(Array.from({ length: 10 }, () => broken));
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', tools: [validating] }));
  expect(await runs.ended(id)).toMatchObject({ status: 'FAILED', error: { code: 'MALFORMED_TOOL_CALLS' } });
  expect(server.asked).toHaveLength(4);
});

it('does not try again what the server refuses for good', async () => {
  const { server, runs } = await open([{ status: 400 }]);
  const id = await runs.run(await runs.agent());
  const ended = await runs.ended(id);
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'MODEL_REFUSED' } });
  expect(ended.error.message).toContain('refused with 400');
  expect(server.asked).toHaveLength(1);
});

it('repeats nothing of what a server says about a key that it refuses', async () => {
  const { runs } = await open([{ status: 401 }]);
  const id = await runs.run(await runs.agent());
  const ended = await runs.ended(id);
  expect(ended.error.message).toContain('401');
  expect(JSON.stringify(ended)).not.toContain('refused with 401');
});

it('calls a tool that the model asks for, and says so step by step', async () => {
  const { runs } = await open([
    { calls: [{ name: 'check', args: '{"value": 7}' }] },
    { text: ['Seven it is.'] },
  ]);
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', tools: [validating] }));
  const events = await runs.events(id);
  const steps = events.flatMap(({ stepId, state }) => (stepId ? `${stepId} ${state}` : []));
  expect(steps).toEqual([
    ...['model/0 running', 'model/0 completed', 'model/0/tool/0 running', 'model/0/tool/0 completed'],
    ...['model/1 running', 'model/1 completed'],
  ]);
  const { steps: rows } = await runs.state(id);
  expect(rows[1]).toMatchObject({
    ...{ key: 'model/0/tool/0', kind: 'TOOL', name: 'check', input: { value: 7 } },
    output: { valid: true, faults: [] },
  });
});
