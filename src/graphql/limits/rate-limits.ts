import type { GraphQLError } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Claims } from '../../platform/db/claims.ts';
import { refusal } from './refusals.ts';

const MINUTE_MS = 60_000;
/** Ten megabytes or so; whoever was seen longest ago is forgotten first, and begins anew. */
const MAX_CALLERS = 100_000;

/** Counts one more of a caller. @returns undefined, or in how many seconds the next one is let through */
export type Take = (caller: string) => number | undefined;

/**
 * So many a minute, at once or spread: a bucket that is refilled evenly, of which only the moment is kept when it will
 * be full again (GCRA). No timers, and nothing is kept of callers whose bucket is full but a number.
 *
 * @param perMinute 0 for no limit
 */
export function createBucket(perMinute: number, now: () => number = () => performance.now()): Take {
  if (perMinute === 0) return () => undefined;
  const callers = new LRUCache<string, number>({ max: MAX_CALLERS });
  const interval = MINUTE_MS / perMinute;
  return (caller) => {
    const at = now();
    const fullAt = Math.max(callers.get(caller) ?? at, at) + interval;
    const wait = fullAt - at - MINUTE_MS;
    if (wait > 0) return Math.ceil(wait / 1000);
    callers.set(caller, fullAt);
    return undefined;
  };
}

export type RateLimitSettings = { perUser: number; perIp: number };

export type RateLimits = {
  /** Of a request before it is known who sent it: of a token that is no good, and of a socket that is opened. */
  ofAddress: Take;
  /** Of an operation: users are told apart by their tokens, everybody else by address. Services are not limited. */
  ofCaller(claims: Claims, address: string): number | undefined;
};

/** Kept in this process's memory: of several, each counts what it serves. */
export function createRateLimits({ perUser, perIp }: RateLimitSettings): RateLimits {
  const ofUser = createBucket(perUser);
  const ofAddress = createBucket(perIp);
  return {
    ofAddress,
    ofCaller({ role, sub }, address) {
      if (role === 'service_role') return undefined;
      return role === 'authenticated' && sub !== undefined ? ofUser(sub) : ofAddress(address);
    },
  };
}

export function rateLimited(retryAfter: number): GraphQLError {
  return refusal('RATE_LIMITED', `Too many operations: try again in ${retryAfter} s.`, {
    extensions: { retryAfter },
    http: { status: 429, headers: { 'retry-after': String(retryAfter) } },
  });
}
