import type { Gate } from './backoff.ts';
import { asRuncastError, connectionLost, isOfConnection, RuncastError } from './errors.ts';
import { createEventStreamParser } from './event-stream.ts';
import { type Fetch, post, refusalBy } from './http.ts';
import type { Tokens } from './tokens.ts';
import { type Data, dataOf, type OnOutcome, type Operation, type Sink, type Transport } from './transport.ts';
import { createWatchdog } from './watchdog.ts';

type StreamOptions = {
  url: string;
  fetch: Fetch;
  tokens: Tokens;
  gate: Gate;
  connectMs: number;
  /** How long a response may be silent. The server sends at least a comment every 12 s. */
  silenceMs: number;
  onOutcome: OnOutcome;
};

export type StreamTransport = Transport & {
  /** Has every operation that runs start again, over whatever carries them then. */
  handOver(): void;
};

type Stream = { sink: Sink; abort: AbortController };

/** One response an operation, as of graphql-sse's protocol in its "distinct connections mode". */
export function createStreamTransport(options: StreamOptions): StreamTransport {
  const streams = new Set<Stream>();

  function subscribe(operation: Operation, sink: Sink): () => void {
    const stream = { sink, abort: new AbortController() };
    streams.add(stream);
    follow(options, operation, stream).then(
      () => leave(stream) && sink.complete(),
      (error) => leave(stream) && sink.failed(noted(asRuncastError(error))),
    );
    return () => leave(stream);
  }

  function leave(stream: Stream): boolean {
    stream.abort.abort();
    return streams.delete(stream);
  }

  function noted(error: RuncastError): RuncastError {
    if (isOfConnection(error) && !error.isFinal) options.gate.failed({ atLeastMs: error.retryAfterMs ?? 0 });
    return error;
  }

  function endAll(error: RuncastError): void {
    for (const stream of [...streams]) if (leave(stream)) stream.sink.failed(error);
  }

  return {
    subscribe,
    handOver: () => endAll(connectionLost('The operation goes on over another connection.')),
    close: endAll,
  };
}

/** Resolves when the server has completed the operation, or it was left. */
async function follow(options: StreamOptions, operation: Operation, { sink, abort }: Stream): Promise<void> {
  const { gate, tokens, connectMs, silenceMs } = options;
  await gate.pass(abort.signal);
  if (abort.signal.aborted) return;
  const token = await tokens.take();
  const silence = createWatchdog(() => abort.abort());
  silence.start(connectMs);
  try {
    const body = await open(options, operation, token, abort.signal);
    sink.open();
    for await (const data of read(body, () => silence.start(silenceMs))) {
      if (abort.signal.aborted) return;
      gate.succeeded();
      sink.next(data);
    }
  } catch (error) {
    if (error instanceof RuncastError && error.code === 'UNAUTHENTICATED') tokens.refuse(token);
    throw error;
  } finally {
    silence.stop();
  }
}

async function open(
  { url, fetch, onOutcome }: StreamOptions,
  { query, variables }: Operation,
  token: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const body = { query, variables: variables() };
  try {
    const response = await post({ fetch, url, token, accept: 'text/event-stream', body, signal });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    // What the server refuses comes as a stream as well, with the status of its error.
    if (!isStream || !response.body) throw await refusalBy(response);
    onOutcome('connected');
    return response.body;
  } catch (error) {
    if (asRuncastError(error).code === 'CONNECTION_LOST') onOutcome('refused');
    throw error;
  }
}

/** @throws {RuncastError} where the server says so, or the response ends before it is complete */
async function* read(body: ReadableStream<Uint8Array>, onHeard: () => void): AsyncGenerator<Data> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parse = createEventStreamParser();
  for (;;) {
    const { done, value } = await reader.read().catch((cause) => {
      throw connectionLost('The response broke off.', cause);
    });
    if (done) throw connectionLost('The response broke off.');
    onHeard();
    for (const message of parse(decoder.decode(value, { stream: true }))) {
      if (message.event === 'complete') return;
      if (message.event !== 'next') continue;
      const data = dataOf(JSON.parse(message.data));
      if (data instanceof RuncastError) throw data;
      yield data;
    }
  }
}
