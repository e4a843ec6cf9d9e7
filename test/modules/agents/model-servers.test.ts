import { expect, it } from 'vitest';
import { createModelServers, modelRef } from '../../../src/modules/agents/models/servers.ts';
import { tokensOf, usageOf } from '../../../src/modules/agents/models/usage.ts';
import { newest } from '../../../src/modules/agents/run/window.ts';

it('finds the models of the providers that are set up, and of no other', () => {
  const servers = createModelServers({
    ...{ openai: { apiKey: 'a' }, anthropic: { apiKey: 'b', baseUrl: 'http://127.0.0.1:9' } },
    default: 'anthropic:claude-sonnet-4-5',
  });
  expect(servers.default).toEqual({ provider: 'anthropic', name: 'claude-sonnet-4-5' });
  expect(servers.find({ provider: 'openai', name: 'gpt-5' })?.modelId).toBe('gpt-5');
  expect(servers.find({ provider: 'anthropic', name: 'claude-sonnet-4-5' })?.modelId).toBe(
    'claude-sonnet-4-5',
  );
  expect(servers.find({ provider: 'openai-compatible', name: 'x' })).toBeUndefined();
});

it('takes a name with a colon for one at MODEL_BASE_URL, unless a provider stands before it', () => {
  expect(modelRef('llama3.2:3b')).toEqual({ provider: 'openai-compatible', name: 'llama3.2:3b' });
  expect(modelRef('openai:gpt-5')).toEqual({ provider: 'openai', name: 'gpt-5' });
});

it('counts no token twice, however a server reports them', () => {
  const of = (input: number, cacheRead: number | undefined, output: number, reasoning: number | undefined) =>
    usageOf({
      inputTokens: { total: input, noCache: undefined, cacheRead, cacheWrite: undefined },
      outputTokens: { total: output, text: undefined, reasoning },
    });
  expect(of(100, 40, 30, 10)).toEqual({ input: 60, cachedInput: 40, output: 20, reasoning: 10 });
  expect(of(100, undefined, 30, undefined)).toEqual({ input: 100, cachedInput: 0, output: 30, reasoning: 0 });
  const beyond = of(100, 400, 30, 90);
  expect(beyond).toEqual({ input: 0, cachedInput: 100, output: 0, reasoning: 30 });
  expect(beyond && tokensOf(beyond)).toBe(130);
});

it('shows the newest messages, and no result without its call', () => {
  const roles = (size?: number) =>
    newest(
      [
        { role: 'system', content: '' },
        ...['user', 'assistant', 'tool', 'assistant', 'tool'].map((role) => ({ role, content: [] }) as never),
      ],
      size,
    ).map(({ role }) => role);
  expect(roles()).toHaveLength(6);
  expect(roles(3)).toEqual(['system', 'user', 'assistant', 'tool']);
  expect(roles(0)).toEqual(['system', 'user']);
});
