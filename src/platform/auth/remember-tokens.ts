import { hash } from 'node:crypto';
import type { Claims } from '../db/claims.ts';
import { LEEWAY_SECONDS, type VerifyToken } from './verify-token.ts';

/** A key that is withdrawn counts for as long at most; checking a token once in that time costs nothing. */
const LONGEST_MS = 60_000;
/** Some 3 MB. */
const CAPACITY = 10_000;

type Remembered = { claims: Claims; since: number; until: number };

/**
 * Checks a token's signature once a minute instead of with every request: a check takes a turn of Node's thread pool,
 * a tenth of the CPU time of a small query. Never remembers a token past its expiry, nor one that was refused, and
 * keeps the tokens' hashes instead of the tokens.
 */
export function rememberTokens(verify: VerifyToken): VerifyToken {
  const known = new Map<string, Remembered>();
  return async (token) => {
    const key = hash('sha256', token, 'base64');
    const now = Date.now();
    const found = known.get(key);
    // A clock that is put back could make a token one that is not valid yet.
    if (found && found.since <= now && now < found.until) return found.claims;
    if (found) known.delete(key);
    const claims = Object.freeze(await verify(token));
    const expiry = claims.exp === undefined ? now : (claims.exp + LEEWAY_SECONDS) * 1000;
    known.set(key, { claims, since: now, until: Math.min(expiry, now + LONGEST_MS) });
    if (known.size > CAPACITY) forgetOldest(known);
    return claims;
  };
}

function forgetOldest(known: Map<string, Remembered>): void {
  for (const key of known.keys()) {
    known.delete(key);
    return;
  }
}
