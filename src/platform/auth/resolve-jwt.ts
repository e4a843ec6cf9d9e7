import { randomBytes } from 'node:crypto';
import type { Config, JwtConfig } from '../config.ts';
import { StartupError } from '../errors.ts';
import { keptText } from '../kept-text.ts';

/**
 * How tokens are checked: as configured, or in development with a secret that is made once and kept in the data folder.
 *
 * @throws {StartupError} in production with neither a secret nor a JWKS URL, or where the folder cannot be written
 */
export async function resolveJwt({
  jwt,
  dataDir,
  isProduction,
}: Pick<Config, 'jwt' | 'dataDir' | 'isProduction'>): Promise<JwtConfig> {
  if (jwt.secret || jwt.jwksUrl) return jwt;
  if (isProduction) {
    throw new StartupError('In production tokens need JWT_SECRET or JWT_JWKS_URL: set one of them.', {
      exitCode: 2,
    });
  }
  const secret = await keptText({
    folder: dataDir,
    file: 'jwt-secret',
    make: () => randomBytes(32).toString('base64url'),
    isValid: (text) => text.length >= 32,
    what: 'secret of at least 32 characters',
    setting: 'JWT_SECRET',
  });
  return { ...jwt, secret };
}
