import type { Claims } from '../platform/db/claims.ts';

/** Checks a bearer token. @throws where it is not to be trusted, with a message that may be shown */
export type Verify = (token: string) => Promise<Claims>;

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
