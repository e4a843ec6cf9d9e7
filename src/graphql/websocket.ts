import type { Server } from 'node:http';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, type ServerOptions, type Context as SocketState } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Claims } from '../platform/db/claims.ts';
import { messageOf } from '../platform/errors.ts';
import { MAX_BODY_BYTES } from '../platform/http.ts';
import type { Logger } from '../platform/logger.ts';
import { claimsOf, millisecondsLeft, type Verify } from './authorization.ts';
import type { Graphql } from './yoga.ts';

/** A page with a hundred live widgets is none; more is a client that forgot to unsubscribe. */
const MAX_OPERATIONS = 100;
const INIT_TIMEOUT_MS = 5_000;
/** setTimeout takes 31 bits of milliseconds; a token that lives longer is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type SocketOptions = { graphql: Graphql; verify: Verify; closing: AbortSignal; log: Logger };

/** What we keep for a socket; `identity.claims` is replaced when the client renews its token. */
type Session = { identity: { claims: Claims }; gone: AbortController; expiry?: NodeJS.Timeout };

/** An execution as graphql-ws hands it back to us: with the functions of the pipeline that made it. */
type PreparedArgs = ExecutionArgs & {
  rootValue: Pick<ReturnType<Graphql['getEnveloped']>, 'execute' | 'subscribe'>;
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
  });
  const sessions = new WeakMap<WebSocket, Session>();
  const served = useServer(protocol(options, sessions), sockets);
  return {
    // 1001 makes clients connect again, to another process or to this one's successor, and resume by their cursor.
    close: async () => served.dispose(),
  };
}

type State = SocketState<Record<string, unknown>, Extra>;

function protocol(
  { graphql, verify, closing, log }: SocketOptions,
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
      const session: Session = { identity: { claims }, gone: new AbortController() };
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
    },
    async onSubscribe(state, _id, { query, variables, operationName }) {
      if (Object.keys(state.subscriptions).length > MAX_OPERATIONS) {
        return [refusal(`At most ${MAX_OPERATIONS} operations run on one socket.`, 'TOO_MANY_OPERATIONS')];
      }
      const { identity, gone } = sessionOf(state);
      const signal = AbortSignal.any([gone.signal, closing]);
      const pipeline = graphql.getEnveloped({ socket: { identity, signal }, params: { query, variables } });
      const document = parsed(() => pipeline.parse(query));
      if (document instanceof GraphQLError) return [document];
      const faults = pipeline.validate(pipeline.schema, document);
      if (faults.length > 0) return faults;
      return {
        schema: pipeline.schema,
        document,
        variableValues: variables ?? {},
        operationName,
        contextValue: await pipeline.contextFactory(),
        rootValue: { execute: pipeline.execute, subscribe: pipeline.subscribe },
      };
    },
    execute: (args) => withoutRoot(args, 'execute'),
    subscribe: (args) => withoutRoot(args, 'subscribe'),
    onError(_state, id, _payload, errors) {
      log.debug(
        { id, errors: errors.map((error) => error.message) },
        'an operation over WebSocket was refused',
      );
    },
  };
}

function withoutRoot(args: ExecutionArgs, kind: 'execute' | 'subscribe') {
  const { rootValue, ...rest } = args as PreparedArgs;
  return rootValue[kind](rest);
}

/** A syntax error thrown here would close the socket, and with it every other subscription on it. */
function parsed<T>(parse: () => T): T | GraphQLError {
  try {
    return parse();
  } catch (error) {
    const { source, positions } = error instanceof GraphQLError ? error : {};
    const extensions = { code: 'GRAPHQL_PARSE_FAILED' };
    return new GraphQLError(messageOf(error), {
      extensions,
      ...(source && { source }),
      ...(positions && { positions }),
    });
  }
}

function refusal(message: string, code: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
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

/** Playgrounds send their headers, whose names come in any case; scripts send `token`. */
function authorizationOf(params: Record<string, unknown> | undefined): string | undefined {
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value !== 'string') continue;
    if (name.toLowerCase() === 'authorization') return value;
    if (name === 'token') return `Bearer ${value}`;
  }
  return undefined;
}
