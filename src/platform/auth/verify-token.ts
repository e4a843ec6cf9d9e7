import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import type { JwtConfig } from '../config.ts';
import { type Claims, viewerRoles } from '../db/claims.ts';
import { AuthError } from './auth-error.ts';
import { type RemoteKeysOptions, remoteKeys } from './remote-keys.ts';

/**
 * The claims of a bearer token.
 *
 * @throws {AuthError}
 */
export type VerifyToken = (token: string) => Promise<Claims>;

/** Clocks differ: a token counts this long after it expired and before it begins. */
export const LEEWAY_SECONDS = 60;
/** The tokens of Supabase have some 1 KB; more than this is not worth the work of a signature. */
const LONGEST_TOKEN = 16_384;

const claimsSchema = z
  .object({
    role: z.enum(viewerRoles),
    // As Postgres writes it: what is told apart by users, such as wake-ups, is told apart by this text.
    sub: z.guid().toLowerCase().optional(),
    email: z.string().optional(),
    exp: z.number(),
  })
  .refine(({ role, sub }) => role !== 'authenticated' || sub !== undefined);

/**
 * Checks tokens as Supabase issues them: HS256 with the secret, RS256 and ES256 with the keys behind the JWKS URL. The
 * algorithm decides which of the two is asked, so a public key is never taken for a secret.
 *
 * @param jwt `secret`, `jwksUrl` or both; `resolveJwt` sees to it that there is one
 */
export function createTokenVerifier(jwt: JwtConfig, options: RemoteKeysOptions = {}): VerifyToken {
  const secret = jwt.secret ? new TextEncoder().encode(jwt.secret) : undefined;
  const remote = jwt.jwksUrl ? remoteKeys(new URL(jwt.jwksUrl), options) : undefined;
  const keyOf: Record<string, JWTVerifyGetKey | undefined> = {
    HS256: secret && (() => secret),
    RS256: remote,
    ES256: remote,
  };
  return async (token) => {
    const algorithm = algorithmOf(token);
    const key = Object.hasOwn(keyOf, algorithm) ? keyOf[algorithm] : undefined;
    if (!key)
      throw new AuthError('TOKEN_ALGORITHM', 'The token is signed in a way that is not accepted here.');
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['exp'],
        ...(jwt.issuer && { issuer: jwt.issuer }),
      });
      const claims = claimsOf(payload);
      checkAudience(payload, claims, jwt.audience);
      return claims;
    } catch (error) {
      throw authError(error);
    }
  };
}

function algorithmOf(token: string): string {
  try {
    if (token.length <= LONGEST_TOKEN) return decodeProtectedHeader(token).alg ?? 'none';
  } catch {
    // As much as a token that is too long.
  }
  throw new AuthError('TOKEN_MALFORMED', 'The bearer token is not a JSON Web Token.');
}

/** Supabase's own keys, those of anon and service_role, name no audience; what names one must name ours. */
function checkAudience({ aud }: JWTPayload, { role }: Claims, wanted: string): void {
  if (aud === undefined && role !== 'authenticated') return;
  if (![aud].flat().includes(wanted)) {
    throw new AuthError('TOKEN_AUDIENCE', 'The token is meant for another audience.');
  }
}

function claimsOf(payload: JWTPayload): Claims {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) {
    throw new AuthError(
      'TOKEN_CLAIMS',
      'The token names no known role, or no account where the role needs one.',
    );
  }
  const { role, sub, email, exp } = parsed.data;
  // Anon is nobody: an account named beside that role would pass for one that is signed in.
  if (role === 'anon') return { role, exp };
  return { role, exp, ...(sub && { sub }), ...(email && { email }) };
}

function authError(error: unknown): AuthError {
  if (error instanceof AuthError) return error;
  // Their errors hold the token's payload, and causes are logged: it is left out.
  if (error instanceof errors.JWTExpired) return new AuthError('TOKEN_EXPIRED', 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) return claimError(error.claim);
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return new AuthError('TOKEN_MALFORMED', 'The bearer token is not a JSON Web Token.');
  }
  return new AuthError('TOKEN_SIGNATURE', "The token's signature is not right.", { cause: error });
}

function claimError(claim: string): AuthError {
  switch (claim) {
    case 'nbf':
      return new AuthError('TOKEN_NOT_YET_VALID', 'The token is not valid yet.');
    case 'iss':
      return new AuthError('TOKEN_ISSUER', 'The token comes from another issuer.');
    default:
      return new AuthError('TOKEN_CLAIMS', `The token's claim ${claim} is missing or wrong.`);
  }
}
