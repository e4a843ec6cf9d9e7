import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, JwtConfig } from '../config.ts';
import { codeOf, StartupError } from '../errors.ts';

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
  const file = join(dataDir, 'jwt-secret');
  try {
    return { ...jwt, secret: (await existing(file)) ?? (await make(dataDir, file)) };
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    throw new StartupError(
      `${file} cannot be read or made (${codeOf(cause) ?? 'unknown'}): change its owner, or set JWT_SECRET.`,
      { cause },
    );
  }
}

/** Written beside and linked into place: of several processes one makes the secret and nobody reads half of it. */
async function make(folder: string, file: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, file).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await existing(file)) ?? (await make(folder, file));
}

async function existing(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  const secret = text?.trim();
  if (secret !== undefined && secret.length < 32) {
    throw new StartupError(
      `${file} holds no secret of at least 32 characters: delete it and a new one is made.`,
    );
  }
  return secret;
}
