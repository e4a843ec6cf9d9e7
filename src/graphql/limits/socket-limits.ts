import type { GraphQLError } from 'graphql';
import type { LiveLimits } from '../../platform/config.ts';
import type { Claims } from '../../platform/db/claims.ts';
import { refusal } from './refusals.ts';

/** What a WebSocket or an SSE stream holds until its connection is gone, however that ends. */
export type Place = {
  /** Counts it for its caller as well. @returns false where they have as many as they may: it is not counted then */
  belongsTo(claims: Claims, address: string): boolean;
};

/** The WebSockets and SSE streams of this process, as a whole and by caller. */
export type SocketLimits = {
  /**
   * @param connection takes the place until it closes
   * @returns undefined where the process holds as many as it may
   */
  enter(connection: Closing): Place | undefined;
  /** How many users have places. Callers without a token are counted by address, and are none. */
  readonly users: number;
};

type Closing = { readonly closed: boolean; on(event: 'close', listener: () => void): unknown };

/** A process that is full may have room again then; another one may have it at once. */
export const FULL_RETRY_SECONDS = 5;

/** Of a connection that closed before it took its place: it will not close again to leave it. */
const NOWHERE: Place = { belongsTo: () => true };

export function createSocketLimits({
  maxSockets,
  maxSocketsPerUser,
}: Pick<LiveLimits, 'maxSockets' | 'maxSocketsPerUser'>): SocketLimits {
  let places = 0;
  const callers = new Map<string, number>();
  const countOf = (caller: string) => callers.get(caller) ?? 0;

  function leave(caller: string | undefined): void {
    places -= 1;
    if (caller === undefined) return;
    if (countOf(caller) > 1) callers.set(caller, countOf(caller) - 1);
    else callers.delete(caller);
  }

  return {
    get users() {
      let users = 0;
      for (const caller of callers.keys()) if (caller.startsWith('user ')) users += 1;
      return users;
    },
    enter(connection) {
      if (places >= maxSockets) return undefined;
      if (connection.closed) return NOWHERE;
      places += 1;
      let caller: string | undefined;
      connection.on('close', () => leave(caller));
      return {
        belongsTo(claims, address) {
          const named = callerOf(claims, address);
          // Tokens are checked while it may close: then it has left.
          if (named === undefined || connection.closed) return true;
          if (countOf(named) >= maxSocketsPerUser) return false;
          callers.set(named, countOf(named) + 1);
          caller = named;
          return true;
        },
      };
    },
  };
}

/** As rates are counted: users by their tokens, all others by address. Services are not limited. */
function callerOf({ role, sub }: Claims, address: string): string | undefined {
  if (role === 'service_role') return undefined;
  return role === 'authenticated' && sub !== undefined ? `user ${sub}` : `address ${address}`;
}

export function serverFull(): GraphQLError {
  return refusal('SERVER_FULL', `This server is full: try again in ${FULL_RETRY_SECONDS} s.`, {
    extensions: { retryAfter: FULL_RETRY_SECONDS },
    http: { status: 503, headers: { 'retry-after': String(FULL_RETRY_SECONDS) } },
  });
}

export function tooManySockets(limit: number): GraphQLError {
  return refusal('TOO_MANY_SOCKETS', `You have ${limit} sockets and streams open, as many as you may.`, {
    extensions: { limit },
    http: { status: 429 },
  });
}
