import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import { clientAddress } from '../../platform/client-address.ts';
import type { Claims } from '../../platform/db/claims.ts';
import { claimsOf, type Verify } from '../authorization.ts';
import { type RateLimits, rateLimited } from './rate-limits.ts';

/** Who sends a request, and whether it comes too soon after others. */
export type Admitted = {
  /** Undefined for a token that is no good, which whoever answers says. */
  claims: Claims | undefined;
  refused: GraphQLError | undefined;
};

export type Admission = {
  /** Of a request over HTTP, before its body is read. */
  ofRequest(request: IncomingMessage): Promise<Admitted>;
  /** Of a socket that is opened: undefined, or in how many seconds to try again. */
  ofSocket(request: IncomingMessage): number | undefined;
  /** Of an operation on a socket that was opened from that address. */
  ofOperation(claims: Claims, address: string): GraphQLError | undefined;
  /** Where it came from, by which those without a token are told apart. */
  addressOf(request: IncomingMessage): string;
};

export function createAdmission(options: {
  verify: Verify;
  rateLimits: RateLimits;
  trustProxy: number;
}): Admission {
  const { verify, rateLimits, trustProxy } = options;
  const addressOf = (request: IncomingMessage) => clientAddress(request, trustProxy);
  const refused = (wait: number | undefined) => (wait === undefined ? undefined : rateLimited(wait));
  return {
    async ofRequest(request) {
      const claims = await claimsOf(request.headers.authorization, verify).catch(() => undefined);
      const address = addressOf(request);
      const wait = claims ? rateLimits.ofCaller(claims, address) : rateLimits.ofAddress(address);
      return { claims, refused: refused(wait) };
    },
    ofSocket: (request) => rateLimits.ofAddress(addressOf(request)),
    ofOperation: (claims, address) => refused(rateLimits.ofCaller(claims, address)),
    addressOf,
  };
}
