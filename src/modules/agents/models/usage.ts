import type { Model } from './servers.ts';

type Finish = Extract<
  Awaited<ReturnType<Model['doStream']>>['stream'] extends ReadableStream<infer Part> ? Part : never,
  { type: 'finish' }
>;

/** Tokens in four buckets of which none counts what another does: they add up to all. */
export type Usage = { input: number; cachedInput: number; output: number; reasoning: number };

/**
 * What a call has used. Providers count cached tokens among the input, and reasoning among the output; tokens written into
 * a cache are input like any other.
 *
 * @returns undefined where the server does not say
 */
export function usageOf({ inputTokens, outputTokens }: Finish['usage']): Usage | undefined {
  if (inputTokens.total === undefined || outputTokens.total === undefined) return undefined;
  const cachedInput = within(inputTokens.cacheRead, inputTokens.total);
  const reasoning = within(outputTokens.reasoning, outputTokens.total);
  return {
    input: inputTokens.total - cachedInput,
    cachedInput,
    output: outputTokens.total - reasoning,
    reasoning,
  };
}

/** Servers that report more cached tokens than there were have been seen. */
function within(part: number | undefined, total: number): number {
  return Math.min(Math.max(part ?? 0, 0), total);
}

export function tokensOf({ input, cachedInput, output, reasoning }: Usage): number {
  return input + cachedInput + output + reasoning;
}
