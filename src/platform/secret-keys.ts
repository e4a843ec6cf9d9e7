import { randomBytes } from 'node:crypto';
import type { Config } from './config.ts';
import { type Cipher, createCipher, KEY_BYTES, keyOf } from './encryption.ts';
import { keptText } from './kept-text.ts';

/**
 * What secrets are encrypted with: the keys configured, or beside an embedded database one that is made once and kept in the
 * data folder, where the database is. Undefined for a database elsewhere: every process on it needs the same key.
 *
 * @throws {StartupError} where the folder cannot be written
 */
export async function resolveSecretKeys({
  secretKeys,
  dataDir,
  databaseUrl,
  apiDatabaseUrl,
  workerDatabaseUrl,
}: Pick<Config, 'secretKeys' | 'dataDir' | 'databaseUrl' | 'apiDatabaseUrl' | 'workerDatabaseUrl'>): Promise<
  Cipher | undefined
> {
  if (secretKeys) return createCipher(secretKeys);
  if (databaseUrl || apiDatabaseUrl || workerDatabaseUrl) return undefined;
  const text = await keptText({
    folder: dataDir,
    file: 'secrets-key',
    make: () => randomBytes(KEY_BYTES).toString('base64'),
    isValid: (kept) => keyOf(kept) !== undefined,
    // A new one would leave what the old one has sealed unreadable, so the file is not to be deleted lightly.
    what: 'key of 32 bytes in base64 (bring back the one that was there, or its secrets are lost)',
    setting: 'SECRETS_KEY',
  });
  const key = keyOf(text);
  return key && createCipher([key]);
}
