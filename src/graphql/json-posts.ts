import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type DocumentNode, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import { processRegularResult } from 'graphql-yoga';
import type { Claims } from '../platform/db/claims.ts';
import { MAX_BODY_BYTES } from '../platform/http.ts';
import type { Admission } from './limits/admission.ts';
import type { Persisted } from './limits/persisted.ts';
import { refusedText } from './limits/variables.ts';
import { parsedBy } from './parsed-by.ts';
import type { Graphql } from './yoga.ts';

type Options = { graphql: Graphql; closing: AbortSignal; admission: Admission; persisted: Persisted };
type Params = {
  query: string;
  variables?: Record<string, unknown> | null;
  operationName?: string | null;
  extensions?: Record<string, unknown> | null;
};
type Pipeline = ReturnType<Graphql['getEnveloped']>;

/** A POST that can be answered here: its pipeline, with an operation that is valid, or what is wrong with it. */
type Prepared =
  | { pipeline: Pipeline; document: DocumentNode; params: Params }
  | { errors: readonly GraphQLError[] };

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
    const prepared = params && prepare(claims, params, controller.signal);
    if (!prepared) return void graphql(Object.assign(request, { body }), response);
    running.add(controller);
    if (closing.aborted) controller.abort(closing.reason);
    response.once('close', () => {
      running.delete(controller);
      if (!response.writableFinished) controller.abort();
    });
    if (response.destroyed) controller.abort();
    await send(response, await executed(prepared), mediaType);
  }

  /** Undefined where it is for Yoga to answer, be it with what is wrong about it. */
  function prepare(claims: Claims, params: Params, signal: AbortSignal): Prepared | undefined {
    const pipeline = graphql.getEnveloped({ socket: { identity: { claims }, signal }, params });
    // Of a long text Yoga's HTTP layer would make a stream first, which took it a third of a second a megabyte.
    const document = parsedBy(pipeline, params.query);
    if (document instanceof GraphQLError) return { errors: [document] };
    const errors = pipeline.validate(pipeline.schema, document);
    if (errors.length > 0) return { errors };
    const operation = getOperationAST(document, params.operationName)?.operation;
    if (operation !== 'query' && operation !== 'mutation') return undefined;
    return { pipeline, document, params };
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

async function executed(prepared: Prepared): Promise<ExecutionResult> {
  if ('errors' in prepared) return prepared;
  const { pipeline, document, params } = prepared;
  return await pipeline.execute({
    schema: pipeline.schema,
    document,
    contextValue: await pipeline.contextFactory(),
    variableValues: params.variables,
    operationName: params.operationName,
  });
}

/** Head and body go out as one text. As Latin-1 that is copied; as UTF-8 Node would make room for three times its length. */
function end(response: ServerResponse, status: number, contentType: string, text: string): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length });
  response.end(text, length === text.length ? 'latin1' : 'utf8');
}

/** JSON of a known length that is not too long, and no parameters in the URL. */
function isPlain({ method, url, headers }: IncomingMessage): boolean {
  const length = Number(headers['content-length'] ?? 0);
  return (
    method === 'POST' &&
    length > 0 &&
    length <= MAX_BODY_BYTES &&
    headers['content-encoding'] === undefined &&
    /^application\/json(; ?charset=utf-8)?$/i.test(headers['content-type'] ?? '') &&
    !url?.includes('?')
  );
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

function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

/** The parameters where they are what they should be and nothing else. */
function paramsOf(body: string, persisted: Persisted): Params | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!isRecord(parsed)) return undefined;
  const { query: sent, documentId, variables, operationName, extensions, ...others } = parsed;
  const named = persisted({ query: sent, documentId, extensions });
  if (named instanceof Error) return undefined;
  const { query } = named;
  const isUsual =
    typeof query === 'string' &&
    (variables == null || isRecord(variables)) &&
    (operationName == null || typeof operationName === 'string') &&
    (extensions == null || isRecord(extensions));
  if (!isUsual) return undefined;
  for (const _ in others) return undefined;
  return {
    query,
    ...(variables !== undefined && { variables }),
    ...(operationName !== undefined && { operationName }),
    ...(extensions !== undefined && { extensions }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
