import { setTimeout as wait } from 'node:timers/promises';
import { APICallError } from 'ai';
import { AgentFailure } from '../failure.ts';
import type { Model, ModelOptions } from './servers.ts';
import { type Usage, usageOf } from './usage.ts';

export type ToolCall = {
  id: string;
  /** As the model was told it. */
  name: string;
  /** JSON, or what the model takes for it. */
  input: string;
};

export type ModelReply = {
  text: string;
  toolCalls: ToolCall[];
  /** Whether it was cut off at its greatest length. */
  isCut: boolean;
  /** Undefined where the server does not say. */
  usage?: Usage | undefined;
};

/** Calls in all for one answer. With the delays between them that is some 16 s, unless the server asks for more. */
const MAX_TRIES = 6;
const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 20_000;
/** Characters of an answer; no model writes that much, and a worker keeps it all in memory. */
const MAX_TEXT = 2_000_000;

export type AskOptions = {
  signal: AbortSignal;
  /** How long a server's wish to be left alone may be, in milliseconds. */
  leftMs(): number;
  onDelta?(delta: string): void;
  /** A call has failed and is made again: what it has streamed is void. */
  onVoid(reason: string): void;
};

/**
 * One answer of a model. Refusals for now (429), failures of the server and connections that drop are tried again within
 * the run's time; each try is a new call from the beginning.
 *
 * @throws {AgentFailure} MODEL_UNAVAILABLE, MODEL_REFUSED; the signal's reason
 */
export async function ask(model: Model, options: ModelOptions, how: AskOptions): Promise<ModelReply> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(model, options, how);
    } catch (error) {
      how.signal.throwIfAborted();
      if (error instanceof AgentFailure) throw error;
      const { reason, retryAfterMs, isFinal } = refusalOf(error);
      if (isFinal) throw new AgentFailure({ code: 'MODEL_REFUSED', message: reason }, { mayFallBack: true });
      const delayMs = retryAfterMs ?? backoff(tries);
      if (tries === MAX_TRIES || delayMs >= how.leftMs()) {
        throw new AgentFailure({ code: 'MODEL_UNAVAILABLE', message: reason }, { mayRetry: true });
      }
      how.onVoid(`${reason}; trying again in ${delayMs} ms`);
      await wait(delayMs, undefined, { signal: how.signal }).catch(() => how.signal.throwIfAborted());
    }
  }
}

async function askOnce(
  model: Model,
  options: ModelOptions,
  { signal, onDelta }: AskOptions,
): Promise<ModelReply> {
  const { stream } = await model.doStream({ ...options, abortSignal: signal });
  const reply: ModelReply = { text: '', toolCalls: [], isCut: false };
  let hasEnded = false;
  for await (const part of stream) {
    if (part.type === 'text-delta') {
      reply.text += part.delta;
      if (reply.text.length > MAX_TEXT) throw tooLong();
      onDelta?.(part.delta);
    } else if (part.type === 'tool-call') {
      reply.toolCalls.push({ id: part.toolCallId, name: part.toolName, input: part.input });
    } else if (part.type === 'error') {
      throw new Dropped('the answer broke off', { cause: part.error });
    } else if (part.type === 'finish') {
      const { unified } = part.finishReason;
      hasEnded = unified !== 'error' && unified !== 'interrupted';
      reply.isCut = unified === 'length';
      reply.usage = usageOf(part.usage);
    }
  }
  if (!hasEnded) throw new Dropped('the answer broke off');
  return reply;
}

class Dropped extends Error {}

function tooLong(): AgentFailure {
  const message = `the model server sent an answer of more than ${MAX_TEXT} characters`;
  return new AgentFailure({ code: 'MODEL_REFUSED', message }, { mayFallBack: true });
}

type Refusal = { reason: string; retryAfterMs?: number | undefined; isFinal: boolean };

/** What providers say goes into the reason, but for refused keys: some repeat the key. */
function refusalOf(error: unknown): Refusal {
  if (!APICallError.isInstance(error)) {
    return { reason: error instanceof Dropped ? error.message : 'the connection dropped', isFinal: false };
  }
  const { statusCode, isRetryable, responseHeaders } = error;
  if (statusCode === undefined) return { reason: 'the model server is not reachable', isFinal: false };
  const isSecret = statusCode === 401 || statusCode === 403;
  const said = isSecret ? 'it refused the key it was given' : error.message.slice(0, 500);
  return {
    reason: `the model server answered ${statusCode}: ${said}`,
    retryAfterMs: retryAfter(responseHeaders ?? {}),
    isFinal: !isRetryable,
  };
}

function retryAfter(headers: Record<string, string>): number | undefined {
  const ms = Number.parseFloat(headers['retry-after-ms'] ?? '');
  if (ms >= 0) return ms;
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  const seconds = Number(text);
  const until = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1_000;
  return Number.isNaN(until) ? undefined : Math.max(0, until);
}

/** Half of it by chance, or all who were refused together would come back together. */
function backoff(tries: number): number {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** (tries - 1), LAST_DELAY_MS);
  return Math.round(delay / 2 + (Math.random() * delay) / 2);
}
