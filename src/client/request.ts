import { asRuncastError, connectionLost, RuncastError } from './errors.ts';
import { type Fetch, post, refusalBy } from './http.ts';
import type { Tokens } from './tokens.ts';
import { type Data, dataOf } from './transport.ts';

/** A text, or a text with types as @graphql-codegen/client-preset writes them (`documentMode: 'string'`). */
export type Document<Result, Variables> = {
  toString(): string;
  __apiType?: (variables: Variables) => Result;
};

/** Runs a query or a mutation over HTTP, once; where the token is refused, once more with another. */
export async function request(
  parts: { url: string; fetch: Fetch; tokens: Tokens },
  query: string,
  variables: object,
  signal: AbortSignal | undefined,
): Promise<Data> {
  const attempt = async () => {
    const token = await parts.tokens.take();
    const accept = 'application/graphql-response+json, application/json';
    const response = await post({
      ...parts,
      token,
      accept,
      body: { query, variables },
      ...(signal && { signal }),
    });
    try {
      return await answerIn(response);
    } catch (error) {
      if (asRuncastError(error).code === 'UNAUTHENTICATED') parts.tokens.refuse(token);
      throw error;
    }
  };
  return attempt().catch((error) => {
    if (asRuncastError(error).code === 'UNAUTHENTICATED' && !asRuncastError(error).isFinal) return attempt();
    throw error;
  });
}

async function answerIn(response: Response): Promise<Data> {
  if (!response.ok) throw await refusalBy(response);
  const result = await response.json().catch((cause) => {
    throw connectionLost('The answer broke off, or is no JSON.', cause);
  });
  const data = dataOf(result);
  if (data instanceof RuncastError) throw data;
  return data;
}
