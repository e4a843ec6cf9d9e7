import { SignJWT } from 'jose';
import type { JwtConfig } from '../config.ts';
import type { Claims } from '../db/claims.ts';

/**
 * A token as Supabase would issue it, signed with the secret (HS256).
 *
 * @param lifetimeSeconds from now on
 */
export function mintToken(
  { secret, issuer, audience }: JwtConfig & { secret: string },
  { role, sub, email }: Omit<Claims, 'exp'>,
  lifetimeSeconds: number,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT({ role, ...(email && { email }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + lifetimeSeconds);
  if (sub) token.setSubject(sub);
  if (issuer) token.setIssuer(issuer);
  return token.sign(new TextEncoder().encode(secret));
}
