import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphQLError } from 'graphql';
import type { Claims } from '../platform/db/claims.ts';
import { type SocketLimits, serverFull, tooManySockets } from './limits/socket-limits.ts';

type Stream = { request: IncomingMessage; response: ServerResponse; claims: Claims };

/** The subscriptions that are followed over server-sent events, each by its response. */
export type EventStreams = {
  /** Counts one more until its response closes. @returns why there may be no more */
  open(stream: Stream): GraphQLError | undefined;
  /** Those that are going, oldest first. */
  readonly responses: ReadonlySet<ServerResponse>;
};

export function createEventStreams(options: {
  socketLimits: SocketLimits;
  maxSocketsPerUser: number;
  addressOf: (request: IncomingMessage) => string;
}): EventStreams {
  const { socketLimits, maxSocketsPerUser, addressOf } = options;
  const responses = new Set<ServerResponse>();
  return {
    responses,
    open({ request, response, claims }) {
      const place = socketLimits.enter(response);
      if (!place) return serverFull();
      if (!place.belongsTo(claims, addressOf(request))) return tooManySockets(maxSocketsPerUser);
      if (response.closed) return undefined;
      responses.add(response);
      response.once('close', () => responses.delete(response));
      return undefined;
    },
  };
}
