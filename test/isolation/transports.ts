import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Operation } from './documents.ts';

export const TRANSPORTS = ['POST', 'GET', 'WebSocket', 'SSE'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** What goes where: mutations not over GET, subscriptions not as one answer. */
export const TRANSPORTS_OF: Record<Operation, readonly Transport[]> = {
  query: ['POST', 'GET', 'WebSocket'],
  mutation: ['POST', 'WebSocket'],
  subscription: ['WebSocket', 'SSE'],
};

export type Request = { query: string; variables: Record<string, string> };

/** What came back: the status and body of HTTP, or what a socket's first message or close frame said. */
export type Answer = {
  status: number | string;
  body: { data?: Record<string, unknown> | null | undefined; errors?: unknown };
};

/** One caller on every transport; sockets are opened when they are first used. */
export type Line = { send(transport: Transport, request: Request): Promise<Answer>; close(): Promise<void> };

/** @param token undefined for nobody */
export function openLine(url: string, token: string | undefined): Line {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 60_000,
    ...(token !== undefined && { connectionParams: headers }),
  });

  async function post(request: Request): Promise<Answer> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  async function get({ query, variables }: Request): Promise<Answer> {
    const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables) });
    const response = await fetch(`${url}/graphql?${parameters}`, {
      headers: { ...headers, accept: 'application/json', 'graphql-require-preflight': '1' },
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  async function overSocket({ query, variables }: Request): Promise<Answer> {
    const results = socket.iterate<Record<string, unknown>>({ query, variables });
    try {
      const { value, done } = await results.next();
      if (done) return { status: 'completed', body: {} };
      return { status: 'next', body: { ...value } };
    } catch (failure) {
      if (Array.isArray(failure)) return { status: 'error', body: { errors: failure } };
      const { code, reason } = failure as { code?: number; reason?: string };
      return { status: `closed ${code}`, body: { errors: [{ message: reason }] } };
    } finally {
      await results.return?.();
    }
  }

  /** The first event of a stream; what is no stream, such as a 401, is read as it is. */
  async function stream(request: Request): Promise<Answer> {
    const controller = new AbortController();
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(request),
      signal: controller.signal,
    });
    let text = '';
    const event = /^event: (\w+)\ndata:(.*)\n\n/m;
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      if (event.test(text)) break;
    }
    controller.abort();
    const [, name = '', data = text] = event.exec(text) ?? [];
    return { status: name || response.status, body: data.trim() ? JSON.parse(data) : {} };
  }

  const ways = { POST: post, GET: get, WebSocket: overSocket, SSE: stream };
  return {
    send: (transport, request) => ways[transport](request),
    close: async () => socket.dispose(),
  };
}
