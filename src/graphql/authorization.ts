import type { VerifyToken } from '../platform/auth/verify-token.ts';
import type { Claims } from '../platform/db/claims.ts';

export type Verify = VerifyToken;

/**
 * A request is over in a moment, so its token counts for a minute after it expired, which is for clocks that differ. A
 * stream may last for days and is promised to end within 5 s: it gets what a renewal may need that was sent in time.
 */
export const STREAM_LEEWAY_SECONDS = 2;

/** Milliseconds for which a stream may go on under these claims; undefined for claims that do not expire. */
export function millisecondsLeft({ exp }: Claims): number | undefined {
  return exp === undefined ? undefined : Math.max(0, (exp + STREAM_LEEWAY_SECONDS) * 1000 - Date.now());
}

/**
 * The token of an Authorization header; undefined without a header or with an empty one, as a playground sends whose
 * user has not pasted a token yet.
 *
 * @throws where the header is of another scheme
 */
export function tokenOf(authorization: string | null | undefined): string | undefined {
  const header = authorization?.trim() ?? '';
  if (header === '' || /^bearer$/i.test(header)) return undefined;
  const token = /^bearer\s+(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw new Error('The Authorization header must be: Bearer <token>.');
  return token;
}

/**
 * Whom an Authorization header speaks for: nobody (`anon`) without a token.
 *
 * @throws as `tokenOf` and `verify`
 */
export async function claimsOf(authorization: string | null | undefined, verify: Verify): Promise<Claims> {
  const token = tokenOf(authorization);
  return token === undefined ? { role: 'anon' } : verify(token);
}
