import type { Server } from 'node:http';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, makeServer, type ServerOptions, type Context as SocketState } from 'graphql-ws';
import { type VerifyClientCallbackAsync, type WebSocket, WebSocketServer } from 'ws';
import type { Claims } from '../platform/db/claims.ts';
import { messageOf } from '../platform/errors.ts';
import { MAX_BODY_BYTES } from '../platform/http.ts';
import type { Logger } from '../platform/logger.ts';
import type { Origins } from '../platform/origins.ts';
import { claimsOf, millisecondsLeft, type Verify } from './authorization.ts';
import type { OperationContext } from './context.ts';
import type { Admission } from './limits/admission.ts';
import type { Named, Persisted } from './limits/persisted.ts';
import { refusal, withoutHttp } from './limits/refusals.ts';
import type { LiveArgs } from './live/operations.ts';
import type { Outlet, Outlets } from './live/outlet.ts';
import { followOverSocket } from './live/socket-operation.ts';
import { parsedBy } from './parsed-by.ts';
import { closeSockets, connectSockets, type Extra } from './websocket-transport.ts';
import type { Graphql } from './yoga.ts';

/** A page with a hundred live widgets is none; more is a client that forgot to unsubscribe. */
const MAX_OPERATIONS = 100;
const INIT_TIMEOUT_MS = 5_000;
/** setTimeout takes 31 bits of milliseconds; a token that lives longer is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type SocketOptions = {
  graphql: Graphql;
  verify: Verify;
  closing: AbortSignal;
  log: Logger;
  admission: Admission;
  origins: Origins;
  persisted: Persisted;
  outlets: Outlets;
};

/** A client that has not read what was sent to it for as long as the settings say. */
const STALLED = 4499;

/** What we keep for a socket; `identity.claims` is replaced when the client renews its token. */
type Session = {
  identity: { claims: Claims };
  gone: AbortController;
  outlet: Outlet;
  /** By the ids of the operations that the client is about to resume: the numbers of the last events it has. */
  cursors: Map<string, number>;
  expiry?: NodeJS.Timeout;
};

/** An execution as graphql-ws hands it back to us: with the functions of the pipeline that made it. */
type PreparedArgs = ExecutionArgs & {
  contextValue: OperationContext;
  rootValue: { [Kind in 'execute' | 'subscribe']: NonNullable<ServerOptions[Kind]> };
};

/**
 * graphql-transport-ws at /graphql. Who it is comes with connection_init ({authorization} or {token}) or with the
 * upgrade's Authorization header, and can be renewed by a ping message with the same payload.
 */
export function serveSockets(server: Server, options: SocketOptions): { close(): Promise<void> } {
  // Compression would cost a deflate context a socket, for frames that are mostly small.
  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: MAX_BODY_BYTES,
    perMessageDeflate: false,
    verifyClient: admitting(options),
  });
  connectSockets(sockets, makeServer(protocol(options, new WeakMap())), options.log);
  return { close: () => closeSockets(sockets) };
}

/** CORS does not cover WebSockets: a browser opens them to anywhere, and says for which page. */
function admitting({ admission, origins }: SocketOptions): VerifyClientCallbackAsync {
  return ({ req }, answer) => {
    if (origins.isForeign(req.headers)) return answer(false, 403, 'This origin is not allowed');
    const wait = admission.ofSocket(req);
    if (wait === undefined) return answer(true);
    answer(false, 429, 'Too Many Requests', { 'retry-after': String(wait) });
  };
}

type State = SocketState<Record<string, unknown>, Extra>;

function protocol(
  { graphql, verify, closing, log, admission, persisted, outlets }: SocketOptions,
  sessions: WeakMap<WebSocket, Session>,
): ServerOptions<Record<string, unknown>, Extra> {
  const sessionOf = (state: State) => {
    const session = sessions.get(state.extra.socket);
    if (session === undefined) throw new Error('a message before connection_init was accepted');
    return session;
  };
  return {
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    async onConnect(state) {
      const { socket, request } = state.extra;
      const sent = authorizationOf(state.connectionParams) ?? request.headers.authorization;
      const claims = await claimsOf(sent, verify).catch((error) => refuse(socket, messageOf(error)));
      if (claims === undefined) return false;
      const outlet = outlets.open(request.socket, () => socket.close(STALLED, 'Client stalled'));
      const session: Session = {
        identity: { claims },
        gone: new AbortController(),
        outlet,
        cursors: cursorsOf(state.connectionParams),
      };
      sessions.set(socket, session);
      endAtExpiry(socket, session);
      return true;
    },
    async onPing(state, payload) {
      const { socket } = state.extra;
      const session = sessions.get(socket);
      const sent = authorizationOf(payload);
      if (session === undefined || sent === undefined) return;
      const claims = await claimsOf(sent, verify).catch((error) => refuse(socket, messageOf(error)));
      if (claims === undefined) return;
      if (claims.sub !== session.identity.claims.sub) return void refuse(socket, 'Token of somebody else');
      session.identity.claims = claims;
      endAtExpiry(socket, session);
    },
    onClose(state) {
      const session = sessions.get(state.extra.socket);
      clearTimeout(session?.expiry);
      session?.gone.abort();
      session?.outlet.close();
    },
    async onSubscribe(state, id, payload) {
      const { variables, operationName } = payload;
      if (Object.keys(state.subscriptions).length > MAX_OPERATIONS) {
        return [refusal('TOO_MANY_OPERATIONS', `At most ${MAX_OPERATIONS} operations run on one socket.`)];
      }
      const { identity, gone, outlet, cursors } = sessionOf(state);
      const tooSoon = admission.ofOperation(identity.claims, state.extra.request);
      if (tooSoon) return [tooSoon];
      // graphql-ws hands on what else a payload holds, without a type.
      const named = persisted(payload as Named);
      if (named instanceof GraphQLError) return [named];
      const query = String(named.query);
      const signal = AbortSignal.any([gone.signal, closing]);
      const pipeline = graphql.getEnveloped({ socket: { identity, signal }, params: { query, variables } });
      const document = parsedBy(pipeline, query);
      if (document instanceof GraphQLError) return [document];
      const faults = pipeline.validate(pipeline.schema, document);
      if (faults.length > 0) return faults;
      return {
        schema: pipeline.schema,
        document,
        variableValues: variables ?? {},
        operationName,
        contextValue: await pipeline.contextFactory(),
        rootValue: {
          execute: pipeline.execute,
          async subscribe(args: LiveArgs) {
            const opened = await graphql.openLive(args);
            if (!('follow' in opened)) return opened;
            const from = cursors.get(id) ?? 0;
            // A later operation of the same id is another one.
            cursors.delete(id);
            return followOverSocket(opened, { outlet, id, from });
          },
        },
      };
    },
    execute: (args) => withoutRoot(args, 'execute'),
    subscribe: (args) => withoutRoot(args, 'subscribe'),
    onError(_state, id, _payload, errors) {
      log.debug(
        { id, errors: errors.map((error) => error.message) },
        'an operation over WebSocket was refused',
      );
      return errors.map((error) => withoutHttp(error).toJSON());
    },
    onNext(_state, _id, _payload, _args, { data, errors }) {
      if (!errors) return;
      return {
        ...(data !== undefined && { data }),
        errors: errors.map((error) => withoutHttp(error).toJSON()),
      };
    },
  };
}

function withoutRoot(args: ExecutionArgs, kind: 'execute' | 'subscribe') {
  const { rootValue, ...rest } = args as PreparedArgs;
  return rootValue[kind](rest);
}

/** A close reason holds at most 123 bytes. */
function refuse(socket: WebSocket, reason: string): undefined {
  socket.close(CloseCode.Forbidden, Buffer.from(`Forbidden: ${reason}`).subarray(0, 120).toString());
  return undefined;
}

function endAtExpiry(socket: WebSocket, session: Session): void {
  clearTimeout(session.expiry);
  const left = millisecondsLeft(session.identity.claims);
  if (left === undefined) return;
  session.expiry = setTimeout(
    () => (left > LONGEST_TIMER_MS ? endAtExpiry(socket, session) : refuse(socket, 'Token expired')),
    Math.min(left, LONGEST_TIMER_MS),
  );
}

/** @returns what the client says it has of operations that it is about to resume; nothing where it says so wrongly */
function cursorsOf(params: Record<string, unknown> | undefined): Map<string, number> {
  const { cursors } = params ?? {};
  if (typeof cursors !== 'object' || cursors === null) return new Map();
  const numbered = Object.entries(cursors).filter(([, seq]) => Number.isSafeInteger(seq) && seq >= 0);
  return new Map(numbered.slice(0, MAX_OPERATIONS));
}

/** Playgrounds send their headers, whose names come in any case; scripts send `token`. */
function authorizationOf(params: Record<string, unknown> | undefined): string | undefined {
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value !== 'string') continue;
    if (name.toLowerCase() === 'authorization') return value;
    if (name === 'token') return `Bearer ${value}`;
  }
  return undefined;
}
