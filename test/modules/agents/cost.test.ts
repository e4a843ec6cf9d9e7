import { expect, it, onTestFinished } from 'vitest';
import { openAgentRuns } from '../../support/agent-runs.ts';
import { startModelServer, type Turn } from '../../support/model-server.ts';

async function open(turns: Turn[]) {
  const server = await startModelServer(turns);
  onTestFinished(server.close);
  const runs = await openAgentRuns({ baseUrl: server.baseUrl });
  onTestFinished(runs.close);
  return runs;
}

const tool = {
  ...{ id: 'check', name: 'check', description: 'Checks.', category: 'validation' },
  config: { schema: {} },
};
const turns: Turn[] = [
  {
    calls: [{ name: 'check', args: '{}' }],
    usage: { input: 1_000, cached: 4_000, output: 200, reasoning: 300 },
  },
  { text: ['Done.'], usage: { input: 2_345, cached: 1_111, output: 77, reasoning: 0 } },
];
// US dollars for a million tokens: 3 of input, 0.3 of cached input, 15 of output, 20 of reasoning.
const PRICE = "select runcast.set_model_price('openai-compatible', 'te*', 3, 0.3, 15, 20)";
// 0.003 + 0.0012 + 0.003 + 0.006, and 0.007035 + 0.0003333 + 0.001155 + 0.
const FIRST = '0.0132';
const SECOND = '0.0085233';
const BOTH = 0.0217233;

it('counts tokens in four buckets, none of them twice, and the cost by the price of each', async () => {
  const runs = await open(turns);
  await runs.api.admin.query(PRICE);
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', tools: [tool] }));
  const ended = await runs.ended(id);
  expect(ended.status).toBe('COMPLETED');
  const [first, , second] = ended.steps;
  expect(first).toMatchObject({
    usage: { input: 1_000, cachedInput: 4_000, output: 200, reasoning: 300 },
    ...{ cost: FIRST, priceVersion: 1 },
  });
  expect(second).toMatchObject({ cost: SECOND });
  expect(ended).toMatchObject({
    metrics: { cost: '0.0217233', tokenUsage: 9_033 },
    usage: { reasoning: 300 },
  });
  expect(ended.metricsJson).toMatchObject({
    ...{ tokenUsage: 9_033, tokensInput: 8_456, tokensOutput: 577, cost: BOTH },
    usage: { input: 3_345, cachedInput: 5_111, output: 277, reasoning: 300 },
    prices: [{ provider: 'openai-compatible', model: 'test', version: 1 }],
  });
});

it('leaves the states it passed through in the logs, and what is metered and telemetry', async () => {
  const runs = await open(turns);
  await runs.api.admin.query(PRICE);
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', tools: [tool] }));
  const { stateLogs } = await runs.ended(id);
  expect(stateLogs.edges.map(({ node }: { node: object }) => node)).toMatchObject([
    { status: 'STARTED', tokenUsage: 0, cost: null },
    { status: 'COMPLETED', tokenUsage: 9_033, cost: '0.0217' },
  ]);
  const { rows: metered } = await runs.api.admin.query(
    'select metric_type, quantity, user_id, tenant_id from public.usage_metrics order by 1',
  );
  const whose = { user_id: runs.user.id, tenant_id: runs.tenantId };
  expect(metered).toEqual([
    { metric_type: 'agent_calls', quantity: 1, ...whose },
    { metric_type: 'tokens_input', quantity: 8_456, ...whose },
    { metric_type: 'tokens_output', quantity: 577, ...whose },
  ]);
  const { rows: told } = await runs.api.admin.query(
    'select type from public.telemetry_events order by "timestamp"',
  );
  expect(told.map(({ type }) => type)).toEqual(['agent_invoked', 'agent_completed']);
});

it('knows no cost of a model without a price, rather than none', async () => {
  const runs = await open(turns);
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', tools: [tool] }));
  const ended = await runs.ended(id);
  expect(ended.steps[0]).toMatchObject({ cost: null, priceVersion: null, usage: { input: 1_000 } });
  expect(ended.metricsJson).not.toHaveProperty('cost');
  expect(ended.stateLogs.edges.at(-1).node).toMatchObject({ status: 'COMPLETED', cost: null });
  const period = { from: new Date(Date.now() - 3_600_000), to: new Date(Date.now() + 3_600_000) };
  const { data } = await runs.api.ask(
    'query ($period: TimePeriod!) { executionStats(kind: AGENT, period: $period) { cost tokens } }',
    { period },
    runs.user,
  );
  expect(data.executionStats).toEqual({ cost: null, tokens: 9033 });
});

it('knows no cost where a server does not say how many tokens it used', async () => {
  const runs = await open([{ text: ['Hm.'], withoutUsage: true }]);
  await runs.api.admin.query(PRICE);
  const id = await runs.run(await runs.agent());
  const ended = await runs.ended(id);
  expect(ended).toMatchObject({ status: 'COMPLETED', steps: [{ usage: null, cost: null }] });
  expect(ended.metricsJson).not.toHaveProperty('cost');
});

it('computes costs anew from the same tokens when a price was corrected', async () => {
  const runs = await open(turns);
  await runs.api.admin.query(PRICE);
  const id = await runs.run(await runs.agent({ planningStyle: 'reactive', tools: [tool] }));
  await runs.ended(id);
  await runs.api.admin.query(
    "select runcast.set_model_price('openai-compatible', 'te*', 6, 0.6, 30, 40, now() - interval '1 day')",
  );
  // The first version has the newer beginning, so it still holds at the time of the run.
  const again = () => runs.api.admin.query('select runcast.rerate_agent_steps() as steps');
  expect((await again()).rows).toEqual([{ steps: 0 }]);
  await runs.api.admin.query('delete from runcast.model_prices where version = 1 and model = $1', ['te*']);
  expect((await again()).rows).toEqual([{ steps: 2 }]);
  const state = await runs.state(id);
  expect(state.metricsJson.cost).toBe(0.0434466);
  expect(state.metricsJson.duration).toBeGreaterThan(0);
  expect(state.stateLogs.edges.at(-1).node.cost).toBe('0.0434');
  expect(state.steps[0]).toMatchObject({ priceVersion: 2, cost: '0.0264' });
});

it('has prices of current models, of which the longest name that fits counts', async () => {
  const runs = await open([]);
  const { rows } = await runs.api.admin.query(`
    select name, (runcast.model_price(provider, name)).output::float8 as output from (values
      ('openai', 'gpt-4o'), ('openai', 'gpt-4o-mini-2024-07-18'), ('openai', 'gpt-4o-2024-08-06'),
      ('anthropic', 'claude-sonnet-4-5-20250929'), ('openai', 'gpt-4o-audio-preview')) as m (provider, name)`);
  expect(rows).toEqual([
    { name: 'gpt-4o', output: 10 },
    { name: 'gpt-4o-mini-2024-07-18', output: 0.6 },
    { name: 'gpt-4o-2024-08-06', output: 10 },
    { name: 'claude-sonnet-4-5-20250929', output: 15 },
    { name: 'gpt-4o-audio-preview', output: null },
  ]);
});
