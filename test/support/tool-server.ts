import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ToolRunner } from '../../src/modules/agents/ports.ts';
import { StepError } from '../../src/modules/steps/step.ts';

export type ToolRequest = { path: string; body: unknown; key: string };

/** What tools of the category api call in tests: it answers with what a test says, and knows who called when. */
export async function startToolServer(
  answer: (request: ToolRequest, before: number) => unknown = ({ body }) => ({ got: body }),
) {
  const requests: ToolRequest[] = [];
  const waiting = new Set<() => void>();
  let running = 0;
  let most = 0;
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const asked = {
      path: request.url ?? '',
      body: JSON.parse(text),
      key: String(request.headers['idempotency-key']),
    };
    const before = requests.push(asked) - 1;
    for (const look of waiting) look();
    running += 1;
    most = Math.max(most, running);
    try {
      const result = await answer(asked, before);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(result ?? null));
    } catch (error) {
      response.writeHead(error instanceof StepError && error.isFinal ? 400 : 503).end();
    } finally {
      running -= 1;
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    most: () => most,
    until(count: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => void (requests.length >= count && resolve());
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

/** Calls what a tool's config names, over HTTP. */
export const callOverHttp: ToolRunner = async ({ config }, args, call) => {
  const response = await fetch(String(config?.endpoint), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': call.idempotencyKey },
    body: JSON.stringify(args),
    signal: call.signal,
  });
  if (response.ok) return await response.json();
  const message = `answered ${response.status}`;
  throw new StepError({ code: 'HTTP_STATUS', message }, { isFinal: response.status < 500 });
};

/** A tool of the category api that calls such a server. */
export function apiTool(url: string, name: string, more: Record<string, unknown> = {}) {
  return {
    ...{ id: name, name, description: `Calls ${name}.`, category: 'api' },
    parameters: { city: { type: 'string', required: false, description: 'Where.' } },
    config: { endpoint: `${url}/${name}`, method: 'POST' },
    ...more,
  };
}
