import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import type { Claims } from '../platform/db/claims.ts';
import { millisecondsLeft } from './authorization.ts';
import type { Identity } from './context.ts';
import type { Admission } from './limits/admission.ts';
import type { Persisted } from './limits/persisted.ts';
import { type SocketLimits, serverFull, tooManySockets } from './limits/socket-limits.ts';
import { refusedText } from './limits/variables.ts';
import { endResponse, followOverResponse } from './live/event-stream.ts';
import { jsonOf } from './live/operations.ts';
import type { Outlets } from './live/outlet.ts';
import { argsOf, type Prepared, prepare } from './prepared.ts';
import { bodyOf, isPlain, type Params, paramsOf, paramsOfUrl } from './request-params.ts';
import type { Graphql } from './yoga.ts';

type Options = {
  graphql: Graphql;
  closing: AbortSignal;
  admission: Admission;
  persisted: Persisted;
  outlets: Outlets;
  socketLimits: SocketLimits;
  maxSocketsPerUser: number;
};

/** Subscriptions over server-sent events, each with a response of its own. */
export type EventStreams = {
  serve: RequestListener;
  /** Those that are going, oldest first. */
  readonly responses: ReadonlySet<ServerResponse>;
};

/** setTimeout takes 31 bits of milliseconds: whoever follows something for 24 days may connect again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Subscriptions over server-sent events. What is no subscription, or unusual or wrong about a request, is left to Yoga with
 * the body that was read.
 */
export function createEventStreams(options: Options): EventStreams {
  const { graphql, closing, admission, persisted, outlets, socketLimits, maxSocketsPerUser } = options;
  const responses = new Set<ServerResponse>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { claims, refused } = await admission.ofRequest(request);
    if (refused) return answerRefused(response, refused);
    const isGet = request.method === 'GET';
    if (!claims || !(isGet || isPlain(request))) return void graphql(request, response);
    const identity: Identity = { claims };
    const params = isGet ? paramsOfUrl(request.url ?? '', persisted) : await paramsOfBody(request);
    const prepared = params && prepare(graphql, params, { identity, signal: closing });
    if (!prepared || 'errors' in prepared || prepared.type !== 'subscription') {
      return void graphql(request, response);
    }
    const full = enter(request, response, claims);
    if (full) answerRefused(response, full);
    else await subscribe(prepared, identity, response);
  }

  /** Yoga is left with the body that was read. */
  async function paramsOfBody(request: IncomingMessage): Promise<Params | undefined> {
    const body = await bodyOf(request);
    Object.assign(request, { body });
    return refusedText(body) === undefined ? paramsOf(body, persisted) : undefined;
  }

  /** @returns why there may be no more */
  function enter(
    request: IncomingMessage,
    response: ServerResponse,
    claims: Claims,
  ): GraphQLError | undefined {
    const place = socketLimits.enter(response);
    if (!place) return serverFull();
    if (!place.belongsTo(claims, admission.addressOf(request))) return tooManySockets(maxSocketsPerUser);
    if (response.closed) return undefined;
    responses.add(response);
    response.once('close', () => responses.delete(response));
    return undefined;
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
    const { retryAfter, code } = refused.extensions;
    response.writeHead(code === 'SERVER_FULL' ? 503 : 429, {
      'content-type': 'application/json; charset=utf-8',
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    });
    response.end(jsonOf({ errors: [refused] }, graphql.maskError));
  }

  return {
    responses,
    serve(request, response) {
      // A request that breaks off in its body has nobody left to be answered.
      serve(request, response).catch(() => response.destroy());
    },
  };
}

function tokenExpired(): GraphQLError {
  return new GraphQLError('The token has expired: subscribe again with a new one.', {
    extensions: { code: 'UNAUTHENTICATED' },
  });
}
