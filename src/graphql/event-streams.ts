import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import { millisecondsLeft } from './authorization.ts';
import type { Identity } from './context.ts';
import type { Admission } from './limits/admission.ts';
import type { Persisted } from './limits/persisted.ts';
import { refusedText } from './limits/variables.ts';
import { endResponse, followOverResponse } from './live/event-stream.ts';
import { jsonOf } from './live/operations.ts';
import type { Outlets } from './live/outlet.ts';
import { argsOf, type Prepared, prepare } from './prepared.ts';
import { bodyOf, isPlain, paramsOf, paramsOfUrl } from './request-params.ts';
import type { Graphql } from './yoga.ts';

type Options = {
  graphql: Graphql;
  closing: AbortSignal;
  admission: Admission;
  persisted: Persisted;
  outlets: Outlets;
};

/** setTimeout takes 31 bits of milliseconds: whoever follows something for 24 days may connect again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Subscriptions over server-sent events. What is no subscription, or unusual or wrong about a request, is left to Yoga with
 * the body that was read.
 */
export function createEventStreams(options: Options): RequestListener {
  const { graphql, closing, admission, persisted, outlets } = options;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { claims, refused } = await admission.ofRequest(request);
    if (refused) return answerRefused(response, refused);
    const isGet = request.method === 'GET';
    if (!claims || !(isGet || isPlain(request))) return void graphql(request, response);
    const body = isGet ? '' : await bodyOf(request);
    const identity: Identity = { claims };
    const params =
      refusedText(body) === undefined
        ? isGet
          ? paramsOfUrl(request.url ?? '', persisted)
          : paramsOf(body, persisted)
        : undefined;
    const prepared = params && prepare(graphql, params, { identity, signal: closing });
    if (!prepared || 'errors' in prepared || prepared.type !== 'subscription') {
      return void graphql(isGet ? request : Object.assign(request, { body }), response);
    }
    await subscribe(prepared, identity, response);
  }

  async function subscribe(prepared: Prepared, identity: Identity, response: ServerResponse): Promise<void> {
    const json = (result: Parameters<typeof jsonOf>[0]) => jsonOf(result, graphql.maskError);
    const opened = await graphql.openLive(await argsOf(prepared));
    if (response.destroyed) return;
    if (!('follow' in opened)) return endResponse(response, json(opened));
    const stream = followOverResponse(opened, response, outlets, json);
    const left = Math.min(millisecondsLeft(identity.claims) ?? LONGEST_TIMER_MS, LONGEST_TIMER_MS);
    const expiry = setTimeout(() => stream.end({ errors: [tokenExpired()] }), left);
    response.once('close', () => clearTimeout(expiry));
  }

  function answerRefused(response: ServerResponse, refused: GraphQLError): void {
    const { retryAfter } = refused.extensions;
    response.writeHead(429, {
      'content-type': 'application/json; charset=utf-8',
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    });
    response.end(jsonOf({ errors: [refused] }, graphql.maskError));
  }

  return (request, response) => {
    // A request that breaks off in its body has nobody left to be answered.
    serve(request, response).catch(() => response.destroy());
  };
}

function tokenExpired(): GraphQLError {
  return new GraphQLError('The token has expired: subscribe again with a new one.', {
    extensions: { code: 'UNAUTHENTICATED' },
  });
}
