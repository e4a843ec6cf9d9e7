import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { AuthError } from './auth-error.ts';

export type RemoteKeysOptions = {
  /** Milliseconds since the epoch; default Date.now. */
  now?: () => number;
};

const FETCH_TIMEOUT_MS = 5_000;
/** An unknown key id asks for the keys again at most this often: anybody can make up key ids. */
const COOLDOWN_MS = 30_000;
/** While the keys cannot be had, so long nobody asks again: every request would wait for the timeout. */
const RETRY_MS = 5_000;

/**
 * The keys behind a JWKS URL, fetched when they are first needed and kept for ten minutes.
 *
 * @throws {AuthError} KEYS_UNAVAILABLE where they cannot be fetched, which says nothing about the token
 */
export function remoteKeys(url: URL, { now = Date.now }: RemoteKeysOptions): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { cooldownDuration: COOLDOWN_MS, timeoutDuration: FETCH_TIMEOUT_MS });
  let failedAt = Number.NEGATIVE_INFINITY;
  return async (header, token) => {
    if (!keys.fresh && now() - failedAt < RETRY_MS) throw unavailable();
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
        throw error;
      failedAt = now();
      throw unavailable(error);
    }
  };
}

function unavailable(cause?: unknown): AuthError {
  return new AuthError(
    'KEYS_UNAVAILABLE',
    'Tokens cannot be checked at the moment: their keys are not reachable.',
    {
      cause,
    },
  );
}
