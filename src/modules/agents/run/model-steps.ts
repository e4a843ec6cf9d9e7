import type { Definition } from '../definition.ts';
import { AgentFailure } from '../failure.ts';
import { ask, type ModelReply } from '../models/ask.ts';
import type { Message, ModelOptions, ModelRef, ModelServers } from '../models/servers.ts';
import { tokensOf } from '../models/usage.ts';
import type { Begun, Journal } from './journal.ts';
import type { Limits } from './limits.ts';
import type { Narration } from './narration.ts';
import { newest } from './window.ts';

export type Question = {
  messages: readonly Message[];
  /** Default: none. */
  tools?: ModelOptions['tools'];
  toolChoice?: ModelOptions['toolChoice'];
  /** Whether the answer is to be JSON. Default: text. */
  isJson?: boolean;
  /** Default: the agent's. */
  model?: ModelRef | undefined;
  /** Whether its tokens are a part of the output. Default: they are. */
  isOutput?: boolean;
};

/** Asks a model, or says what it answered in an earlier attempt. */
export type AskModel = (key: string, question: Question) => Promise<ModelReply>;

export function createModelSteps(options: {
  definition: Definition;
  models: ModelServers;
  journal: Journal;
  limits: Limits;
  narration: Narration;
  /** Aborted when the run stops, or its time is over. */
  signal: AbortSignal;
  /** Whether tokens become events as they come. */
  streams: boolean;
}): AskModel {
  const { definition, models, journal, limits, narration, signal, streams } = options;
  const memory = definition.memory_config;
  const window = memory?.kinds?.includes('working') ? memory.maxSize : undefined;

  async function answer(
    key: string,
    ref: ModelRef,
    question: Question,
    { tries }: Begun,
  ): Promise<ModelReply> {
    const model = models.find(ref);
    if (model === undefined) {
      const message = `the provider ${ref.provider} is not set up`;
      throw new AgentFailure({ code: 'NO_MODEL', message }, { mayFallBack: true });
    }
    limits.assertMayAsk();
    let attempt = tries;
    const tell = (state: string) =>
      narration.step({ key, name: ref.name, type: 'model', state, tries: attempt });
    tell('running');
    const delta = (text: string) => narration.delta(text);
    return await ask(model, optionsOf(ref, question, limits.tokensLeft(), window), {
      signal,
      leftMs: limits.leftMs,
      ...(streams && question.isOutput !== false && { onDelta: delta }),
      onVoid(reason) {
        narration.log(reason, 'warn');
        tell('void');
        attempt += 1;
        tell('running');
      },
    });
  }

  return async (key, question) => {
    const ref = question.model ?? definition.execution_config.model ?? models.default;
    if (ref === undefined) throw new AgentFailure({ code: 'NO_MODEL', message: 'no model is set up' });
    const input = { messages: question.messages.length };
    const found = await journal.begin({ key, kind: 'model', name: ref.name, input });
    if ('row' in found) return found.row.output as ModelReply;
    const tell = (state: string) =>
      narration.step({ key, name: ref.name, type: 'model', state, tries: found.begun.tries });
    let reply: ModelReply;
    try {
      reply = await answer(key, ref, question, found.begun);
    } catch (error) {
      if (error instanceof AgentFailure) {
        const { code, message } = error;
        await journal.end(key, { state: 'failed', error: { code, message } });
        tell('failed');
      }
      throw error;
    }
    const { usage, ...output } = reply;
    const of = { provider: ref.provider, model: ref.name, ...usage };
    const row = await journal.end(key, { state: 'completed', output, usage: of });
    tell('completed');
    if (reply.isCut) narration.log(`${ref.name} was cut off at the greatest length of an answer`, 'warn');
    limits.add({ tokens: usage && tokensOf(usage), cost: row.cost === null ? null : Number(row.cost) });
    return output;
  };
}

function optionsOf(
  { temperature, maxOutputTokens }: ModelRef,
  { messages, tools, toolChoice, isJson }: Question,
  tokensLeft: number | undefined,
  window: number | undefined,
): ModelOptions {
  const most = Math.min(maxOutputTokens ?? Number.POSITIVE_INFINITY, tokensLeft ?? Number.POSITIVE_INFINITY);
  return {
    prompt: newest(messages, window),
    ...(temperature !== undefined && { temperature }),
    ...(Number.isFinite(most) && { maxOutputTokens: most }),
    ...(tools && tools.length > 0 && { tools, toolChoice: toolChoice ?? { type: 'auto' } }),
    // Without a schema: each provider takes other parts of JSON Schema, and the prompt has all of it.
    ...(isJson && { responseFormat: { type: 'json' } }),
  };
}
