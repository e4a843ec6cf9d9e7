import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/** Encrypts texts that are kept, by AES-256-GCM. */
export type Cipher = {
  /** @param context what the text belongs to: it opens with the same alone, so nothing sealed can be moved elsewhere */
  seal(text: string, context: string): string;
  /** @throws {UnreadableError} where the key is not there, the context is another, or somebody has changed it */
  open(sealed: string, context: string): string;
  /** Keys of 32 bytes for something else than sealing, one of each key, in their order: the first one signs, all of them verify. */
  keysFor(purpose: string): readonly [Uint8Array, ...Uint8Array[]];
};

export class UnreadableError extends Error {
  override name = 'UnreadableError';
}

const VERSION = 'v1';
/** As GCM wants them: a nonce of 12 bytes, never used twice, and the whole tag of 16. */
const NONCE = 12;
const TAG = 16;
export const KEY_BYTES = 32;

/** The key in base64, as bytes; undefined where they are not 32. */
export function keyOf(text: string): Buffer | undefined {
  const key = Buffer.from(text, 'base64');
  return /^[\w+/-]{43}=?$/.test(text) && key.length === KEY_BYTES ? key : undefined;
}

/** @param keys of 32 bytes each: the first one seals, all of them open, so a new one can be put before the old */
export function createCipher(keys: readonly [Buffer, ...Buffer[]]): Cipher {
  const byId = new Map(keys.map((key) => [idOf(key), key]));
  const [first] = keys;
  return {
    seal(text, context) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', first, nonce).setAAD(Buffer.from(context));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      const bytes = Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
      return [VERSION, idOf(first), bytes.toString('base64url')].join('.');
    },
    open(sealed, context) {
      const [version, id = '', text = ''] = sealed.split('.');
      const key = byId.get(id);
      if (version !== VERSION || !key)
        throw new UnreadableError(`It is sealed with a key that is not there: ${id}.`);
      const bytes = Buffer.from(text, 'base64url');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), {
          authTagLength: TAG,
        });
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
        return Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString(
          'utf8',
        );
      } catch {
        throw new UnreadableError('It was changed, or belongs to something else.');
      }
    },
    keysFor(purpose) {
      const derived = (key: Buffer) => new Uint8Array(hkdfSync('sha256', key, '', purpose, KEY_BYTES));
      const [newest, ...others] = keys;
      return [derived(newest), ...others.map(derived)];
    },
  };
}

/** Tells keys apart and nothing about them. */
function idOf(key: Buffer): string {
  return createHash('sha256').update('runcast key id').update(key).digest('hex').slice(0, 8);
}
