import { expect, it, onTestFinished } from 'vitest';
import { openAgentRuns } from '../../support/agent-runs.ts';
import { startReceiver } from '../../support/receiver.ts';

/** Server-sent events as a provider sends them. */
const streamOf = (events: readonly { type: string }[]) => ({
  headers: { 'content-type': 'text/event-stream' },
  body: events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
});

/** An answer in Anthropic's messages API: https://docs.anthropic.com/en/api/messages-streaming. */
const anthropic = [
  {
    type: 'message_start',
    message: {
      ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-test', content: [] },
      ...{ stop_reason: null, stop_sequence: null },
      usage: {
        input_tokens: 20,
        cache_read_input_tokens: 100,
        cache_creation_input_tokens: 0,
        output_tokens: 1,
      },
    },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Good ' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'day' } },
  { type: 'content_block_stop', index: 0 },
  {
    type: 'message_delta',
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 7 },
  },
  { type: 'message_stop' },
];

/** One in OpenAI's responses API: https://platform.openai.com/docs/api-reference/responses-streaming. */
const message = { id: 'item_1', type: 'message', role: 'assistant' };
const openai = [
  {
    type: 'response.created',
    response: { id: 'resp_1', object: 'response', created_at: 1, status: 'in_progress', model: 'gpt-test' },
  },
  {
    type: 'response.output_item.added',
    output_index: 0,
    item: { ...message, status: 'in_progress', content: [] },
  },
  ...['Good ', 'day'].map((delta) => ({
    ...{ type: 'response.output_text.delta', item_id: 'item_1', output_index: 0, content_index: 0 },
    delta,
  })),
  {
    ...{ type: 'response.output_item.done', output_index: 0 },
    item: {
      ...{ ...message, status: 'completed' },
      content: [{ type: 'output_text', text: 'Good day', annotations: [] }],
    },
  },
  {
    type: 'response.completed',
    response: {
      ...{
        id: 'resp_1',
        object: 'response',
        created_at: 1,
        status: 'completed',
        model: 'gpt-test',
        output: [],
      },
      usage: {
        ...{ input_tokens: 120, input_tokens_details: { cached_tokens: 100 } },
        ...{ output_tokens: 7, output_tokens_details: { reasoning_tokens: 3 }, total_tokens: 127 },
      },
    },
  },
];

it.each([
  {
    ...{ provider: 'anthropic', model: 'anthropic:claude-test', events: anthropic, path: '/v1/messages' },
    ...{ key: 'x-api-key', sent: 'a-key', usage: { input: 20, cachedInput: 100, output: 7, reasoning: 0 } },
  },
  {
    ...{ provider: 'openai', model: 'openai:gpt-test', events: openai, path: '/v1/responses' },
    ...{ key: 'authorization', sent: 'Bearer a-key' },
    usage: { input: 20, cachedInput: 100, output: 4, reasoning: 3 },
  },
])('speaks $provider’s own protocol, and counts its tokens', async (each) => {
  const server = await startReceiver(() => streamOf(each.events));
  onTestFinished(server.close);
  const name = each.provider.toUpperCase();
  const env = { [`${name}_API_KEY`]: 'a-key', [`${name}_BASE_URL`]: `${server.url}/v1` };
  const runs = await openAgentRuns({ env });
  onTestFinished(runs.close);
  const id = await runs.run(await runs.agent({ executionConfig: { model: each.model } }), { stream: true });
  const ended = await runs.ended(id);
  expect(ended).toMatchObject({ status: 'COMPLETED', output: 'Good day', error: null });
  expect(ended.metricsJson).toMatchObject({ usage: each.usage });
  const deltas = (await runs.events(id)).flatMap(({ delta }) => delta ?? []);
  expect(deltas.join('')).toBe('Good day');
  const [asked] = server.received;
  expect(asked).toMatchObject({ method: 'POST', path: each.path });
  expect(asked?.headers[each.key]).toBe(each.sent);
});
