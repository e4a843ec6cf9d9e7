import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a server of OpenAI's chat API gets it. */
export type Asked = {
  model: string;
  messages: { role: string; content: unknown; tool_calls?: unknown[] }[];
  tools?: { function: { name: string } }[];
  tool_choice?: unknown;
  response_format?: unknown;
  max_tokens?: number;
};

export type ModelUsage = { input?: number; cached?: number; output?: number; reasoning?: number };

/** What the server does with one request. */
export type Turn = {
  /** Pieces of the answer's text. */
  text?: readonly string[];
  calls?: readonly { name: string; args: string }[];
  usage?: ModelUsage;
  /** Says nothing of the tokens. */
  withoutUsage?: boolean;
  /** Refuses with this status, e.g. 429. */
  status?: number;
  headers?: Record<string, string>;
  /** Closes the connection after the pieces. */
  drops?: boolean;
  /** Awaited between pieces: by it a test decides when the answer goes on. */
  between?: (piece: number) => Promise<unknown>;
};

export type ModelServer = {
  baseUrl: string;
  asked: Asked[];
  /** When each request came, by `performance.now()`. */
  at: number[];
  /** Resolves once so many requests have come. */
  until(count: number): Promise<void>;
  close(): Promise<void>;
};

/** A real server of OpenAI's chat API that streams what a test says, one turn after the other, or by what is asked. */
export async function startModelServer(
  turns: readonly Turn[] | ((asked: Asked, before: number) => Turn | Promise<Turn>),
): Promise<ModelServer> {
  const asked: Asked[] = [];
  const at: number[] = [];
  const waiting = new Set<() => void>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const wanted = JSON.parse(body) as Asked;
    const before = asked.push(wanted) - 1;
    at.push(performance.now());
    for (const look of waiting) look();
    const turn = typeof turns === 'function' ? await turns(wanted, before) : turns[before];
    if (turn === undefined) {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: `there is no turn ${before}` } }));
      return;
    }
    await answer(response, turn);
  }

  const server = createServer(
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    asked,
    at,
    until(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => void (asked.length >= count && resolve());
      waiting.add(look);
      look();
      return promise.finally(() => waiting.delete(look));
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(response: ServerResponse, turn: Turn): Promise<void> {
  const { text = [], calls = [], usage = {}, status, headers = {}, drops, between, withoutUsage } = turn;
  if (status !== undefined) {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ error: { message: `refused with ${status}` } }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (choices: unknown[], more: object = {}) =>
    response.write(
      `data: ${JSON.stringify({ id: 'chat-1', created: 1, model: 'test', choices, ...more })}\n\n`,
    );
  for (const [piece, content] of text.entries()) {
    await between?.(piece);
    send([{ index: 0, delta: { role: 'assistant', content } }]);
  }
  if (drops) {
    await new Promise((resolve) => response.write(':\n\n', resolve));
    response.destroy();
    return;
  }
  for (const [index, { name, args }] of calls.entries()) {
    const call = {
      index,
      id: `call-${index}-${name}`,
      type: 'function',
      function: { name, arguments: args },
    };
    send([{ index: 0, delta: { tool_calls: [call] } }]);
  }
  send([{ index: 0, delta: {}, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }]);
  if (!withoutUsage) send([], { usage: usageOf(usage) });
  response.end('data: [DONE]\n\n');
}

/** As OpenAI reports it: cached tokens are among the input, reasoning among the output. */
function usageOf({ input = 10, cached = 0, output = 5, reasoning = 0 }: ModelUsage) {
  return {
    prompt_tokens: input + cached,
    completion_tokens: output + reasoning,
    total_tokens: input + cached + output + reasoning,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}
