import { LEEWAY_SECONDS, type VerifyToken } from '../platform/auth/verify-token.ts';
import type { Claims } from '../platform/db/claims.ts';

export type Verify = VerifyToken;

/** Milliseconds until claims are no longer to be trusted; undefined for claims that do not expire. */
export function millisecondsLeft({ exp }: Claims): number | undefined {
  return exp === undefined ? undefined : Math.max(0, (exp + LEEWAY_SECONDS) * 1000 - Date.now());
}

/**
 * Whom an Authorization header speaks for: nobody (`anon`) without one or with an empty one, as a playground sends
 * whose user has not pasted a token yet.
 *
 * @throws as `verify`, and where the header is of another scheme
 */
export async function claimsOf(authorization: string | null | undefined, verify: Verify): Promise<Claims> {
  const header = authorization?.trim() ?? '';
  if (header === '' || /^bearer$/i.test(header)) return { role: 'anon' };
  const token = /^bearer\s+(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw new Error('The Authorization header must be: Bearer <token>.');
  return verify(token);
}
