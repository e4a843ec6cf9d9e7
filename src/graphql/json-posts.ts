import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import { processRegularResult } from 'graphql-yoga';
import type { Admission } from './limits/admission.ts';
import type { Persisted } from './limits/persisted.ts';
import { refusedText } from './limits/variables.ts';
import { argsOf, type Prepared, prepare } from './prepared.ts';
import { bodyOf, isPlain, paramsOf } from './request-params.ts';
import type { Graphql } from './yoga.ts';

type Options = { graphql: Graphql; closing: AbortSignal; admission: Admission; persisted: Persisted };
/**
 * Queries and mutations as nearly every client sends them, through Yoga's pipeline but past its HTTP layer, which
 * makes Request, Response and streams of the web's kind: half the CPU time of a small query. Whatever is unusual or
 * wrong about a request is found before it is executed and left to Yoga, with the body that was read, so that there is
 * one place that answers it.
 */
export function createJsonPosts({ graphql, closing, admission, persisted }: Options): RequestListener {
  const running = new Set<AbortController>();
  closing.addEventListener('abort', () => {
    for (const controller of running) controller.abort(closing.reason);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { claims, refused } = await admission.ofRequest(request);
    const mediaType = accepted(request.headers.accept);
    if (refused) return await send(response, { errors: [refused] }, mediaType ?? 'application/json');
    if (!claims || mediaType === undefined || !isPlain(request)) return void graphql(request, response);
    const body = await bodyOf(request);
    const tooLarge = refusedText(body);
    if (tooLarge) return await send(response, { errors: [tooLarge] }, mediaType);
    const controller = new AbortController();
    const params = paramsOf(body, persisted);
    const prepared = params && prepare(graphql, params, { identity: { claims }, signal: controller.signal });
    if (!prepared || ('type' in prepared && prepared.type === 'subscription'))
      return void graphql(Object.assign(request, { body }), response);
    running.add(controller);
    if (closing.aborted) controller.abort(closing.reason);
    response.once('close', () => {
      running.delete(controller);
      if (!response.writableFinished) controller.abort();
    });
    if (response.destroyed) controller.abort();
    await send(response, await executed(prepared), mediaType);
  }

  async function send(response: ServerResponse, result: ExecutionResult, mediaType: string): Promise<void> {
    if (response.destroyed) return;
    if (!result.errors) return end(response, 200, `${mediaType}; charset=utf-8`, JSON.stringify(result));
    // Which status and which of an error's extensions a client sees is Yoga's to say.
    const made = processRegularResult(result, graphql.fetchAPI, mediaType);
    for (const [name, value] of made.headers) response.setHeader(name, value);
    end(response, made.status, made.headers.get('content-type') ?? mediaType, await made.text());
  }

  return (request, response) => {
    // A request that breaks off in its body has nobody left to be answered.
    serve(request, response).catch(() => response.destroy());
  };
}

async function executed(prepared: Prepared | { errors: readonly GraphQLError[] }): Promise<ExecutionResult> {
  return 'errors' in prepared ? prepared : await prepared.pipeline.execute(await argsOf(prepared));
}

/** Head and body go out as one text. As Latin-1 that is copied; as UTF-8 Node would make room for three times its length. */
function end(response: ServerResponse, status: number, contentType: string, text: string): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length });
  response.end(text, length === text.length ? 'latin1' : 'utf8');
}

/**
 * The first of the two media types of a GraphQL result that the header names, by the same rule as Yoga's; undefined
 * where it names neither.
 */
function accepted(header = '*/*'): string | undefined {
  for (const range of header.toLowerCase().split(',')) {
    if (range.includes('charset') || range.includes('"')) return undefined;
    switch (range.split(';', 1)[0]?.trim()) {
      case 'application/graphql-response+json':
        return 'application/graphql-response+json';
      case 'application/json':
      case 'application/*':
      case '*/*':
        return 'application/json';
    }
  }
  return undefined;
}
