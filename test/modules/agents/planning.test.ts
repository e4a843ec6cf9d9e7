import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AgentRuns, openAgentRuns } from '../../support/agent-runs.ts';
import { type Asked, type ModelServer, startModelServer, type Turn } from '../../support/model-server.ts';

let server: ModelServer;
let runs: AgentRuns;
let next: (asked: Asked, before: number) => Turn;
let begun = 0;

beforeAll(async () => {
  server = await startModelServer((asked, before) => next(asked, before - begun));
  runs = await openAgentRuns({
    baseUrl: server.baseUrl,
    ports: { toolRunners: { transformation: async ({ name }) => `${name} done` } },
  });
});
afterAll(async () => {
  await runs.close();
  await server.close();
});

const tool = (name: string) => ({
  ...{ id: name, name, description: `Does ${name}.`, category: 'transformation' },
  config: { mapping: { a: '1' } },
});
const agent = (planningStyle: string, more: object = {}) => {
  const model = { provider: 'openai-compatible', name: 'test' };
  const tools = [tool('fetch'), tool('sum up')];
  return runs.agent({ planningStyle, tools, executionConfig: { model }, ...more });
};

/** Answers one run by turns; resolves with what the model was asked, and the run. */
async function scripted(style: string, turns: readonly Turn[]) {
  begun = server.asked.length;
  next = (_asked, before) => turns[before] ?? { status: 400 };
  const ended = await runs.ended(await runs.run(await agent(style)));
  return { ended, asked: server.asked.slice(begun) };
}
const call = (name: string): Turn => ({ calls: [{ name, args: '{}' }] });
const last = ({ messages }: Asked) => JSON.stringify(messages.at(-1)?.content);
const names = ({ tools }: Asked) => tools?.map((one) => one.function.name);

it('calls the tools in the given order where it is sequential, each with what the model fills in', async () => {
  const { ended, asked } = await scripted('sequential', [
    call('fetch'),
    call('sum_up'),
    { text: ['Three.'] },
  ]);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'Three.' });
  expect(asked.map(names)).toEqual([['fetch'], ['sum_up'], undefined]);
  expect(asked[1]?.tool_choice).toEqual({ type: 'function', function: { name: 'sum_up' } });
  expect(asked[2]?.messages.filter(({ role }) => role === 'tool').map(({ content }) => content)).toEqual([
    'fetch done',
    'sum up done',
  ]);
});

it('asks once for all calls where it is parallel, and once for the answer', async () => {
  const both: Turn = { calls: ['fetch', 'sum_up'].map((name) => ({ name, args: '{}' })) };
  const { ended, asked } = await scripted('parallel', [both, { text: ['Both.'] }]);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'Both.' });
  expect(asked.map(names)).toEqual([['fetch', 'sum_up'], undefined]);
});

it('reacts to what its tools give until it needs none, where it is reactive', async () => {
  const { ended, asked } = await scripted('reactive', [call('fetch'), call('fetch'), { text: ['Enough.'] }]);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'Enough.' });
  expect(asked).toHaveLength(3);
});

it('plans first where it is hierarchical, then reaches each goal, then answers', async () => {
  const { ended, asked } = await scripted('hierarchical', [
    { text: ['```json\n{"steps": [{"goal": "find it"}, {"goal": "say it"}]}\n```'] },
    ...[call('fetch'), { text: ['found'] }, { text: ['said'] }, { text: ['The answer.'] }],
  ]);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'The answer.' });
  expect(asked[0]?.response_format).toEqual({ type: 'json_object' });
  expect(last(asked[0] as Asked)).toContain('sum up: Does sum up.');
  expect(last(asked[1] as Asked)).toContain('Reach this goal alone: find it');
  expect(last(asked[3] as Asked)).toContain('1. find it: found');
  expect(last(asked[4] as Asked)).toContain('2. say it: said');
});

it('asks for a plan once more where it cannot be read, and gives up after that', async () => {
  const plan: Turn = { text: ['{"steps": []}'] };
  const mended = await scripted('hierarchical', [{ text: ['First, I would…'] }, plan, { text: ['Fine.'] }]);
  expect(mended.ended).toMatchObject({ status: 'COMPLETED', output: 'Fine.' });
  const { ended } = await scripted('hierarchical', [{ text: ['First,'] }, { text: ['Well,'] }]);
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'PLAN_INVALID' } });
});

it('plans anew after each goal where it is hybrid, until nothing is left', async () => {
  const goals = (...all: string[]): Turn => ({
    text: [JSON.stringify({ steps: all.map((goal) => ({ goal })) })],
  });
  const { ended, asked } = await scripted('hybrid', [
    ...[goals('look', 'never'), { text: ['nothing there'] }, goals('look elsewhere'), call('fetch')],
    ...[{ text: ['found'] }, goals(), { text: ['It was elsewhere.'] }],
  ]);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'It was elsewhere.' });
  expect(last(asked[2] as Asked)).toContain('1. look: nothing there');
  expect(last(asked[3] as Asked)).toContain('Reach this goal alone: look elsewhere');
});

it('asks the model at once where it has no tools', async () => {
  for (const style of ['sequential', 'parallel', 'reactive']) {
    begun = server.asked.length;
    next = () => ({ text: ['Hi.'] });
    const ended = await runs.ended(
      await runs.run(await agent(style, { tools: [] }), { input: { prompt: 'Hello' } }),
    );
    expect(ended).toMatchObject({ status: 'COMPLETED', output: 'Hi.' });
    const asked = server.asked.slice(begun);
    expect(asked).toHaveLength(1);
    expect(last(asked[0] as Asked)).toContain('Hello');
  }
});
