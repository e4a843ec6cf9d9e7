import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GRAPHQL_MAX_INT, GraphQLError } from 'graphql';
import { handleProtocols, makeServer } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_BODY_BYTES } from '../platform/http.ts';
import type { Logger } from '../platform/logger.ts';
import type { Verify } from './authorization.ts';
import type { OperationContext } from './context.ts';
import { createKeepAlive } from './keep-alive.ts';
import type { Named, Persisted } from './limits/persisted.ts';
import { refusal, withoutHttp } from './limits/refusals.ts';
import type { Place } from './limits/socket-limits.ts';
import type { LiveArgs } from './live/operations.ts';
import type { Outlets } from './live/outlet.ts';
import { followOverSocket } from './live/socket-operation.ts';
import { parsedBy } from './parsed-by.ts';
import { createSessions, type Sessions, type SocketHooks, sessionOf } from './socket-sessions.ts';
import { admitUpgrade, refuseUpgrade, type UpgradeOptions } from './socket-upgrade.ts';
import { closeSocket, type Extra, openSocket } from './websocket-transport.ts';
import type { Graphql } from './yoga.ts';

/** The protocol's own bound is 3 s, within which a silent socket is gone; timers of a busy process run late. */
const INIT_TIMEOUT_MS = 2_500;
/** How long a client may take to answer that its socket closes, before the connection is cut. */
const CLOSE_TIMEOUT_MS = 5_000;

type SocketOptions = UpgradeOptions & {
  graphql: Graphql;
  verify: Verify;
  log: Logger;
  persisted: Persisted;
  maxOperationsPerSocket: number;
  outlets: Outlets;
};

const STALLED = 4499;

/** For a client that has not read what was sent to it for as long as the settings say, or answers no ping. */
function stalled(socket: Extra): void {
  closeSocket(socket, STALLED, 'Client stalled');
}

/** The WebSockets of a server. */
export type Sockets = {
  /** Those that are open, oldest first. */
  readonly open: ReadonlySet<Extra>;
  /** Makes a client connect again, to another process or to this one's successor, and resume by its cursor. */
  dismiss(socket: Extra): void;
  /** Cuts the connections that are left. Nothing comes after it. */
  end(): void;
};

/** An execution as graphql-ws hands it back to us: with the functions of the pipeline that made it. */
type PreparedArgs = ExecutionArgs & {
  contextValue: OperationContext;
  rootValue: { [Kind in 'execute' | 'subscribe']: NonNullable<SocketHooks[Kind]> };
};

/**
 * graphql-transport-ws at /graphql. Who it is comes with connection_init ({authorization} or {token}) or with the
 * upgrade's Authorization header, and can be renewed by the mutation `renewToken` or by a ping with the same payload.
 */
export function serveSockets(server: Server, options: SocketOptions): Sockets {
  const open = new Set<Extra>();
  const keepAlive = createKeepAlive<Extra>(stalled);
  const sessions = createSessions(options.verify);
  const transport = { protocol: makeServer(protocol(options, sessions)), open, keepAlive, log: options.log };
  const sockets = new WebSocketServer({ ...WEBSOCKETS });

  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    const admitted = admitUpgrade(request, options);
    if ('status' in admitted) return refuseUpgrade(connection, admitted);
    sockets.handleUpgrade(request, connection, head, (socket) =>
      openSocket(transport, upgraded(socket, request, admitted, options)),
    );
  });

  return {
    open,
    dismiss: (socket) => closeSocket(socket, 1001, 'Going away'),
    end() {
      keepAlive.stop();
      sessions.stop();
      for (const { socket } of open) socket.terminate();
    },
  };
}

/** A function of its own: what lives as long as a socket must not hold on to the request in a scope around it. */
function upgraded(
  socket: WebSocket,
  request: IncomingMessage,
  place: Place,
  { admission, outlets }: SocketOptions,
): Extra {
  const extra: Extra = {
    socket,
    connection: request.socket,
    address: admission.addressOf(request),
    authorization: request.headers.authorization,
    place,
    outlet: outlets.open(request.socket, () => stalled(extra)),
  };
  return extra;
}

const WEBSOCKETS = {
  noServer: true,
  clientTracking: false,
  maxPayload: MAX_BODY_BYTES,
  // Compression would cost a deflate context a socket, for frames that are mostly small.
  perMessageDeflate: false,
  closeTimeout: CLOSE_TIMEOUT_MS,
  handleProtocols,
};

function protocol(
  { graphql, log, admission, persisted, maxOperationsPerSocket }: SocketOptions,
  { onConnect, onPing, onClose }: Sessions,
): SocketHooks {
  return {
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    onConnect,
    onPing,
    onClose,
    async onSubscribe(state, id, payload) {
      const { variables, operationName } = payload;
      if (Object.keys(state.subscriptions).length > maxOperationsPerSocket) {
        return [tooManyOperations(maxOperationsPerSocket)];
      }
      const { identity, signal } = sessionOf(state);
      const tooSoon = admission.ofOperation(identity.claims, state.extra.address);
      if (tooSoon) return [tooSoon];
      // graphql-ws hands on what else a payload holds, without a type.
      const named = persisted(payload as Named);
      if (named instanceof GraphQLError) return [named];
      const query = String(named.query);
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
            const from = takeCursor(state.connectionParams, id);
            return followOverSocket(opened, { outlet: state.extra.outlet, id, from });
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

/**
 * Who reconnects may say on connecting how far it had come with each operation that it is about to resume. Counts once: a
 * later operation of the same id is another one.
 */
function takeCursor(params: Record<string, unknown> | undefined, id: string): number {
  const { cursors } = params ?? {};
  if (typeof cursors !== 'object' || cursors === null || !Object.hasOwn(cursors, id)) return 0;
  const seq: unknown = Reflect.get(cursors, id);
  Reflect.deleteProperty(cursors, id);
  return typeof seq === 'number' && Number.isInteger(seq) && seq > 0 && seq <= GRAPHQL_MAX_INT ? seq : 0;
}

function tooManyOperations(limit: number): GraphQLError {
  return refusal('TOO_MANY_OPERATIONS', `At most ${limit} operations run on one socket.`, {
    extensions: { limit },
  });
}
