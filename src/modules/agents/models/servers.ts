import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { ModelSettings } from '../../../platform/config.ts';
import { MODEL_PROVIDERS, type ModelProvider } from '../vocabulary.ts';

/** A model as the SDK's providers give it, asked one call at a time. */
export type Model = ReturnType<ReturnType<typeof createOpenAI>['languageModel']>;
export type ModelOptions = Parameters<Model['doStream']>[0];
export type Message = ModelOptions['prompt'][number];
export type ModelTools = NonNullable<ModelOptions['tools']>;

export type ModelRef = {
  provider: ModelProvider;
  name: string;
  temperature?: number | undefined;
  maxOutputTokens?: number | undefined;
};

/** The model servers that the operator has set up. */
export type ModelServers = {
  /** Of agents that name none; undefined where the operator has not either. */
  readonly default: ModelRef | undefined;
  /** Undefined where its provider is not set up. */
  find(ref: Pick<ModelRef, 'provider' | 'name'>): Model | undefined;
};

/** Opens nothing: a server is first spoken to when a model is asked. */
export function createModelServers(settings: ModelSettings): ModelServers {
  const { compatible, openai, anthropic } = settings;
  const providers: Record<ModelProvider, ((name: string) => Model) | undefined> = {
    'openai-compatible': compatible && compatibleModels(compatible),
    openai: openai && createOpenAI(withBaseUrl(openai)).languageModel,
    anthropic: anthropic && createAnthropic(withBaseUrl(anthropic)).languageModel,
  };
  return {
    default: settings.default === undefined ? undefined : modelRef(settings.default),
    find: ({ provider, name }) => providers[provider]?.(name),
  };
}

function compatibleModels({ baseUrl, apiKey }: NonNullable<ModelSettings['compatible']>) {
  const server = createOpenAICompatible({
    name: 'openai-compatible',
    baseURL: baseUrl,
    // Without it a streamed answer says nothing of the tokens it took.
    includeUsage: true,
    ...(apiKey !== undefined && { apiKey }),
  });
  return (name: string) => server.chatModel(name);
}

function withBaseUrl({ apiKey, baseUrl }: { apiKey: string; baseUrl?: string }) {
  return { apiKey, ...(baseUrl !== undefined && { baseURL: baseUrl }) };
}

/** `provider:name`; a name without a known provider, such as `llama3.2:3b`, is one at MODEL_BASE_URL. */
export function modelRef(text: string): ModelRef {
  const at = text.indexOf(':');
  const provider = text.slice(0, Math.max(at, 0));
  return isProvider(provider)
    ? { provider, name: text.slice(at + 1) }
    : { provider: 'openai-compatible', name: text };
}

function isProvider(text: string): text is ModelProvider {
  return Object.hasOwn(MODEL_PROVIDERS, text);
}
