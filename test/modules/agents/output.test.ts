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
    ports: { toolRunners: { transformation: async () => ({ total: 7 }) } },
  });
});
afterAll(async () => {
  await runs.close();
  await server.close();
});

const outputSchema = { type: 'object', properties: { total: { type: 'number' } }, required: ['total'] };

function answering(...texts: string[]): void {
  begun = server.asked.length;
  next = (_asked, before) => {
    const text = texts[before];
    return text === undefined ? { status: 400 } : { text: [text] };
  };
}
const executionConfig = (more: object) => ({
  executionConfig: { model: { provider: 'openai-compatible', name: 'test' }, ...more },
});
const asked = () => server.asked.slice(begun);

it('takes JSON for the output where that is promised, also within a fence', async () => {
  answering('```json\n{"total": 3}\n```');
  const ended = await runs.ended(
    await runs.run(await runs.agent({ outputType: 'structured', outputSchema })),
  );
  expect(ended).toMatchObject({ status: 'COMPLETED', output: { total: 3 } });
  expect(asked()[0]?.response_format).toEqual({ type: 'json_object' });
  expect(JSON.stringify(asked()[0]?.messages[0])).toContain('It must match this JSON schema');
});

it('has the model repair an output once that is not as promised', async () => {
  answering('{"total": "three"}', '{"total": 3}');
  const agentId = await runs.agent({ outputType: 'structured', outputSchema });
  const ended = await runs.ended(await runs.run(agentId));
  expect(ended).toMatchObject({ status: 'COMPLETED', output: { total: 3 } });
  expect(JSON.stringify(asked()[1]?.messages.at(-1)?.content)).toContain('total must be number');

  answering('three', 'still three');
  const failed = await runs.ended(await runs.run(agentId));
  expect(failed).toMatchObject({ status: 'FAILED', output: null, error: { code: 'OUTPUT_INVALID' } });
  expect(asked()).toHaveLength(2);
});

it('checks what tools alone have given', async () => {
  const tool = {
    ...{ id: 'sum', name: 'sum', description: 'Sums.', category: 'transformation' },
    config: { mapping: { a: '1' } },
  };
  const values = { executionConfig: {}, tools: [tool] };
  const fitting = { type: 'object', properties: { sum: outputSchema } };
  const ok = await runs.ended(await runs.run(await runs.agent({ ...values, outputSchema: fitting })));
  expect(ok).toMatchObject({ status: 'COMPLETED', output: { sum: { total: 7 } } });
  const unfit = await runs.ended(await runs.run(await runs.agent({ ...values, outputSchema })));
  expect(unfit).toMatchObject({ status: 'FAILED', error: { code: 'OUTPUT_INVALID' } });
});

it('tries a run again as its retry policy says, with a repair of its own', async () => {
  answering('no', 'no', '{"total": 4}');
  const retry = { enabled: true, maxAttempts: 2, initialDelay: 1 };
  const values = { outputType: 'json', outputSchema, ...executionConfig({ retry }) };
  const ended = await runs.ended(await runs.run(await runs.agent(values)));
  expect(ended).toMatchObject({ status: 'COMPLETED', output: { total: 4 }, attempt: 2 });
  expect(ended.steps.map(({ key }: { key: string }) => key)).toEqual(['model/0', 'repair/1', 'repair/2']);
});

it('has another agent take over after the last try, whose output is the run’s', async () => {
  const other = await runs.agent({ name: 'The other' });
  const retry = { enabled: true, maxAttempts: 1, fallbackAgent: other };
  next = ({ messages }) =>
    String(messages[0]?.content).includes('The other') ? { text: ['I can.'] } : { status: 400 };
  const refused = await runs.ended(await runs.run(await runs.agent(executionConfig({ retry }))));
  expect(refused).toMatchObject({ status: 'COMPLETED', output: 'I can.' });

  next = ({ messages }) => ({ text: [String(messages[0]?.content).includes('The other') ? 'I can.' : 'no'] });
  const values = { outputType: 'json', ...executionConfig({ retry }) };
  const id = await runs.run(await runs.agent(values));
  expect(await runs.ended(id)).toMatchObject({ status: 'COMPLETED', output: 'I can.' });
  const { rows } = await runs.api.admin.query(
    `select e.id, e.status, s.retry_of, s.parent_id from runcast.execution_streams s
     join public.agent_executions e on e.id::text = s.execution_id where s.parent_id = $1`,
    [id],
  );
  expect(rows).toMatchObject([{ status: 'completed', retry_of: id, parent_id: id }]);
  expect(await runs.state(rows[0].id)).toMatchObject({ retryOf: { databaseId: id }, output: 'I can.' });
});

it('ends agents that take over from each other in a circle, at a depth', async () => {
  answering();
  next = () => ({ text: ['no JSON'] });
  const one = await runs.agent({ outputType: 'json' });
  const other = await runs.agent({
    outputType: 'json',
    ...executionConfig({ retry: { fallbackAgent: one } }),
  });
  await runs.api.admin.query('update public.agents set execution_config = $2 where id = $1', [
    one,
    executionConfig({ retry: { fallbackAgent: other } }).executionConfig,
  ]);
  const ended = await runs.ended(await runs.run(one));
  expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'FALLBACK_FAILED' } });
  const { rows } = await runs.api.admin.query(
    'select count(*)::int as runs from public.agent_executions where agent_id = any ($1)',
    [[one, other]],
  );
  expect(rows).toEqual([{ runs: 11 }]);
});

it('remembers former runs and facts of the same user alone, up to its size', async () => {
  const agentId = await runs.agent({
    planningStyle: 'reactive',
    memoryConfig: { kinds: ['episodic', 'long_term'], maxSize: 1, ttl: 3_600 },
  });
  begun = server.asked.length;
  next = (_asked, before) =>
    before === 0
      ? { calls: [{ name: 'remember', args: '{"key": "language", "fact": "prefers French"}' }] }
      : { text: [`Answer ${before}`] };
  const noted = await runs.ended(await runs.run(agentId, { input: 'First question' }));
  expect(noted.output).toBe('Answer 1');
  expect(asked()[0]?.tools?.map((tool) => tool.function.name)).toEqual(['remember', 'forget']);

  await runs.ended(await runs.run(agentId, { input: 'Second question' }));
  const prompt = String(asked()[2]?.messages[0]?.content);
  expect(prompt).toContain('language: prefers French');
  expect(prompt).toContain('Asked: First question\nAnswered: Answer 1');
  await runs.ended(await runs.run(agentId, { input: 'Third question' }));
  const later = String(asked()[3]?.messages[0]?.content);
  expect(later).toContain('Second question');
  expect(later).not.toContain('First question');

  await runs.api.admin.query("update runcast.agent_memories set expires_at = now() - interval '1 second'");
  await runs.ended(await runs.run(agentId, { input: 'Fourth question' }));
  expect(String(asked()[4]?.messages[0]?.content)).not.toContain('French');
  const { rows } = await runs.api.admin.query('select runcast.sweep_agent_memories() as swept');
  expect(rows[0].swept).toBeGreaterThan(0);
});

it('shows the model the newest messages of a run alone, where its working memory has a size', async () => {
  const tool = {
    ...{ id: 'sum', name: 'sum', description: 'Sums.', category: 'transformation' },
    config: { mapping: { a: '1' } },
  };
  begun = server.asked.length;
  next = (_asked, before) => (before < 4 ? { calls: [{ name: 'sum', args: '{}' }] } : { text: ['7'] });
  const memoryConfig = { kinds: ['working'], maxSize: 2 };
  const values = { planningStyle: 'reactive', tools: [tool], memoryConfig };
  expect(await runs.ended(await runs.run(await runs.agent(values)))).toMatchObject({ output: '7' });
  expect(asked().map(({ messages }) => messages.length)).toEqual([2, 4, 4, 4, 4]);
  expect(asked()[4]?.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool']);
});
