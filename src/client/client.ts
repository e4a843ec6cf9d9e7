import { createGate, type Retry } from './backoff.ts';
import { createTransport, urlFor } from './connect.ts';
import { RuncastError } from './errors.ts';
import type { Fetch } from './http.ts';
import type { WebSocketClass } from './link.ts';
import { type Document, request } from './request.ts';
import { type StateWatch, type StateWatchOptions, watchState } from './state-watch.ts';
import { createTokens, type TokenSource } from './tokens.ts';
import { type Watch, type WatchOptions, watchExecution } from './watch.ts';

export type ClientOptions = {
  /** Where GraphQL answers, e.g. `https://runcast.example.com/graphql`; in a page it may be relative. */
  url: string;
  token: TokenSource;
  /**
   * `websocket`; `sse`, for networks that let nothing else through; or `auto`, the default: WebSocket, and server-sent
   * events where three in a row could not be opened.
   */
  transport?: 'auto' | 'websocket' | 'sse' | undefined;
  /** Default: the WebSocket that browsers and Node have. */
  webSocketImpl?: WebSocketClass | undefined;
  /** Default: the fetch that browsers and Node have. */
  fetch?: Fetch | undefined;
  retry?: Partial<Retry> | undefined;
  /**
   * How often an open WebSocket is asked whether anybody is still there, in milliseconds; default: 10,000. It is given up
   * where no answer comes for half of that; server-sent events where nothing comes for three times that, and the server
   * says at least something every 12 s.
   */
  keepAliveMs?: number | undefined;
  /** How long opening a connection may take, in milliseconds; default: 10,000. */
  connectMs?: number | undefined;
};

export type Client = {
  /** Every event of a run from a cursor on, then live, each once and in order, over whatever breaks in between. */
  watchExecution(id: string, options?: WatchOptions): Watch;
  /** How a run stands, whenever that changes: for a progress bar. */
  watchState(id: string, options?: StateWatchOptions): StateWatch;
  /**
   * Runs a query or a mutation, over HTTP, without trying again.
   *
   * @throws {RuncastError} what the server refuses, and where it cannot be reached. Failures to expect are data.
   */
  request<Result = Record<string, unknown>, Variables extends object = Record<string, unknown>>(
    document: Document<Result, Variables>,
    variables?: Variables,
    options?: Sending,
  ): Promise<Result>;
  /** Stops every watch and closes the connection. */
  close(): void;
};

type Sending = { signal?: AbortSignal };

const RETRY: Retry = { firstMs: 100, longestMs: 10_000, random: Math.random };
const KEEP_ALIVE_MS = 10_000;
const CONNECT_MS = 10_000;

/** Opens nothing yet: the first watch does. */
export function createClient(options: ClientOptions): Client {
  const retry = { ...RETRY, ...options.retry };
  const tokens = createTokens(options.token);
  // As a method of something else browsers refuse to call it.
  const send: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  const { keepAliveMs = KEEP_ALIVE_MS, connectMs = CONNECT_MS } = options;
  const transport = createTransport({
    ...options,
    fetch: send,
    tokens,
    gate: createGate(retry),
    keepAliveMs,
    connectMs,
  });
  const http = { url: urlFor('http', options.url), fetch: send, tokens };
  const watches = new Set<{ stop(): void }>();
  let isClosed = false;

  function kept<Kept extends { stop(): void; done: Promise<unknown> }>(watch: () => Kept): Kept {
    if (isClosed) throw closedError();
    const started = watch();
    watches.add(started);
    const forget = () => watches.delete(started);
    started.done.then(forget, forget);
    return started;
  }

  return {
    watchExecution: (id, watching) => kept(() => watchExecution({ transport, retry }, id, watching)),
    watchState: (id, watching) => kept(() => watchState({ transport, retry }, id, watching)),
    async request<Result>(document: Document<Result, never>, variables = {}, sending: Sending = {}) {
      const data = await request(http, String(document), variables, sending.signal);
      // The document's type says what the server answers.
      return data as Result;
    },
    close() {
      isClosed = true;
      for (const watch of watches) watch.stop();
      transport.close(closedError());
    },
  };
}

function closedError(): RuncastError {
  return new RuncastError('CLOSED', 'The client was closed.', { isFinal: true });
}
