import type { Claims } from '../platform/db/claims.ts';
import type { Lease } from '../platform/db/lease.ts';
import type { ViewerDatabase } from '../platform/db/viewer.ts';
import type { Live } from '../platform/live/live.ts';
import type { Logger } from '../platform/logger.ts';
import { UnauthenticatedError } from './errors.ts';

/** What modules hand to their own resolvers; each adds its services by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: modules fill it in, and graphql/ knows none of them.
export interface Services {}

/** Whom an operation acts for. On a WebSocket that renews its token, later events see the newer claims. */
export type Identity = {
  readonly claims: Claims;
  /**
   * Takes another token of the same user in place of the one that this socket has; absent over HTTP, where every
   * request brings its own.
   *
   * @returns what the token says
   * @throws {UnauthenticatedError} and {ForbiddenError}: the one before stays in force
   */
  renew?(token: string): Promise<Claims>;
};

/** What every resolver and every source of a subscription is given. */
export type OperationContext = {
  readonly identity: Identity;
  readonly viewerDb: ViewerDatabase;
  readonly live: Live;
  readonly log: Logger;
  readonly services: Services;
  /** Aborted when the client goes away or the server closes: what runs for it ends then. */
  readonly signal: AbortSignal;
};

/**
 * The context of resolvers: a query, a mutation or one event of a subscription holds one lease, and gives it back
 * when it is over. A resolver that still runs after that gets an error from the database, not somebody's rows.
 */
export type Context = OperationContext & {
  readonly db: Lease;
  /** Values kept for this lease alone, such as batches that load one level of a query in one statement. */
  readonly perLease: Map<object, unknown>;
};

/** The user whom the caller acts for. */
export function requireUser(context: Pick<OperationContext, 'identity'>): string {
  const { sub } = context.identity.claims;
  if (sub === undefined) throw new UnauthenticatedError();
  return sub;
}

/** A user, or a service that acts for everybody. */
export function assertSignedIn(context: Pick<OperationContext, 'identity'>): void {
  if (context.identity.claims.role !== 'service_role') requireUser(context);
}

/** A value that is made once per lease, by `make`, which is also its key. */
export function perLease<T>(context: Context, make: (context: Context) => T): T {
  // The key is the function that makes the value, so the value is of its type.
  if (!context.perLease.has(make)) context.perLease.set(make, make(context));
  return context.perLease.get(make) as T;
}
