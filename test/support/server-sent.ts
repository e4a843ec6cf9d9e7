import type { Data, User } from './api.ts';

export type Asked = { query: string; variables?: object; operationName?: string };

/** Asks for server-sent events, by POST or, where it says so, by GET. */
export function askForEvents(
  url: string,
  user: Pick<User, 'token'> | undefined,
  asked: Asked,
  method: 'POST' | 'GET' = 'POST',
  signal: AbortSignal | null = null,
): Promise<Response> {
  const headers = { accept: 'text/event-stream', ...(user && { authorization: `Bearer ${user.token}` }) };
  if (method === 'POST') {
    const body = JSON.stringify(asked);
    return fetch(`${url}/graphql`, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      signal,
    });
  }
  const { query, variables, operationName } = asked;
  const params = new URLSearchParams({
    query,
    ...(variables && { variables: JSON.stringify(variables) }),
    ...(operationName && { operationName }),
  });
  return fetch(`${url}/graphql?${params}`, { headers, signal });
}

/** The results of a response until it completes; rejects where it breaks off before. */
export async function* resultsOf({ body }: Response): AsyncGenerator<{ data?: Data; errors?: Data[] }> {
  let text = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      if (event.startsWith('event: complete')) return;
      const [, data] = /^event: next\ndata: (.*)$/.exec(event) ?? [];
      if (data !== undefined) yield JSON.parse(data);
    }
  }
  throw new Error('the response broke off');
}
