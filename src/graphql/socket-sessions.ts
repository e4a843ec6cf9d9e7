import { CloseCode, type ServerOptions, type Context as SocketState } from 'graphql-ws';
import { AuthError } from '../platform/auth/auth-error.ts';
import type { Claims } from '../platform/db/claims.ts';
import { messageOf } from '../platform/errors.ts';
import { claimsOf, millisecondsLeft, tokenOf, type Verify } from './authorization.ts';
import { ForbiddenError, UnauthenticatedError } from './errors.ts';
import { closeSocket, type Extra, type Session } from './websocket-transport.ts';

type Params = Record<string, unknown>;
export type SocketHooks = ServerOptions<Params, Extra>;

/** The hooks of graphql-ws that say who a socket is: when it connects, and when a ping renews its token. */
export type Sessions = Pick<Required<SocketHooks>, 'onConnect' | 'onPing' | 'onClose'> & {
  /** Ends the watch over tokens that expire. */
  stop(): void;
};

/** A close code of our own, beside those of graphql-transport-ws. */
export const TOO_MANY_SOCKETS = 4290;

/** One look at all sockets a second costs less than a timer each, which every renewal would set anew. */
const SWEEP_MS = 1_000;

/** Of a socket whose connection_init was accepted. */
export function sessionOf({ extra }: SocketState<Params, Extra>): Session {
  if (extra.session === undefined) throw new Error('a message before connection_init was accepted');
  return extra.session;
}

export function createSessions(verify: Verify): Sessions {
  const open = new Set<Extra>();

  function start(extra: Extra, claims: Claims): void {
    const gone = new AbortController();
    const identity = {
      claims,
      async renew(token: string) {
        identity.claims = await renewedBy(token, identity.claims, verify);
        return identity.claims;
      },
    };
    const end = () => {
      open.delete(extra);
      gone.abort();
    };
    extra.session = { identity, signal: gone.signal, end };
    open.add(extra);
  }

  const sweep = setInterval(() => {
    for (const extra of open) {
      if (extra.session && hasExpired(extra.session.identity.claims)) forbid(extra, 'Token expired');
    }
  }, SWEEP_MS);

  return {
    async onConnect({ extra, connectionParams }) {
      const { socket, place, address } = extra;
      const sent = authorizationOf(connectionParams) ?? extra.authorization;
      forgetTokens(extra, connectionParams);
      const claims = await claimsOf(sent, verify).catch((error) => forbid(extra, messageOf(error)));
      // Checking a token takes a while, and the socket may be gone by then.
      if (claims === undefined || socket.readyState !== socket.OPEN) return false;
      if (hasExpired(claims)) forbid(extra, 'Token expired');
      else if (place.belongsTo(claims, address)) start(extra, claims);
      else closeSocket(extra, TOO_MANY_SOCKETS, 'Too many sockets');
      return extra.session !== undefined;
    },
    async onPing({ extra }, payload) {
      try {
        const token = tokenOf(authorizationOf(payload));
        if (token !== undefined) await extra.session?.identity.renew(token);
      } catch (error) {
        // A pong has no room for what is wrong.
        forbid(extra, messageOf(error));
      }
    },
    onClose: ({ extra }) => extra.session?.end(),
    stop: () => clearInterval(sweep),
  };
}

/**
 * @returns what a token says that takes the place of another one
 * @throws {UnauthenticatedError} where it is no good
 * @throws {ForbiddenError} where it is somebody else's: what runs on the socket was allowed to its user
 */
async function renewedBy(token: string, { sub, role }: Claims, verify: Verify): Promise<Claims> {
  const claims = await verify(token).catch((error) => {
    throw error instanceof AuthError ? new UnauthenticatedError(error.message, RENEW) : error;
  });
  if (hasExpired(claims)) throw new UnauthenticatedError('The token has expired.', RENEW);
  if (claims.sub === sub && claims.role === role) return claims;
  throw new ForbiddenError('The token is of another user or role than that of the socket.', {
    path: ['token'],
    remedy: 'Open another socket for it.',
  });
}

const RENEW = { path: ['token'], remedy: 'Send one that is valid; the one before stays in force.' };

function hasExpired(claims: Claims): boolean {
  return millisecondsLeft(claims) === 0;
}

function forbid(extra: Extra, reason: string): undefined {
  closeSocket(extra, CloseCode.Forbidden, `Forbidden: ${reason}`);
}

/** A token of a kilobyte or two would stay in memory for as long as the socket does. */
function forgetTokens(extra: Extra, params: Params | undefined): void {
  extra.authorization = undefined;
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value === 'string') Reflect.deleteProperty(params ?? {}, name);
  }
}

/** Playgrounds send their headers, whose names come in any case; scripts send `token`. */
function authorizationOf(params: Params | undefined): string | undefined {
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value !== 'string') continue;
    if (name.toLowerCase() === 'authorization') return value;
    if (name === 'token') return `Bearer ${value}`;
  }
  return undefined;
}
