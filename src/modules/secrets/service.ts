import { ForbiddenError, NotConfiguredError, NotFoundError } from '../../graphql/errors.ts';
import { isUuid } from '../../graphql/ids.ts';
import { validated } from '../../graphql/validation.ts';
import type { Lease } from '../../platform/db/lease.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { type Cipher, UnreadableError } from '../../platform/encryption.ts';
import { orTenantRefusal } from '../accounts/tenant-refusal.ts';
import { SecretError } from './errors.ts';
import { secretInput } from './inputs.ts';
import { ciphertextsOf, deleteSecret, isVisible, type SecretOwner, writeSecret } from './sql.ts';

/** What the API does with secrets, as the lease's viewer: it writes them and never reads one. */
export type SecretsService = {
  /**
   * @param userId the caller; undefined for a service, which has no secrets of its own
   * @returns the row's id
   */
  set(db: Lease, userId: string | undefined, raw: unknown): Promise<string>;
  remove(db: Lease, id: string): Promise<void>;
};

/** Whose secrets a run may name: its tenant's, or its owner's where it is for none. */
export type RunOwner = { userId: string; tenantId: string | null };

/** What workers read secrets by. */
export type Secrets = {
  /**
   * The values by name, all of the names that are asked for.
   *
   * @throws {SecretError} with the name of one that is not there or cannot be read
   */
  resolve(owner: RunOwner, names: Iterable<string>): Promise<Map<string, string>>;
};

/** @param cipher undefined where no key is configured: then nothing can be set, and names can still be seen and deleted */
export function createSecretsService({ cipher }: { cipher: Cipher | undefined }): SecretsService {
  return {
    async set(db, userId, raw) {
      const { tenantId, name, value } = validated(secretInput, raw, ['input']);
      if (cipher === undefined) {
        throw new NotConfiguredError(
          'SECRETS_KEY',
          'Secrets cannot be kept: there is no key to encrypt them with.',
        );
      }
      const owner = ownerOf(tenantId, userId);
      const ciphertext = cipher.seal(value, contextOf(owner, name));
      const write = writeSecret(db.sql, owner, { name, ciphertext, by: userId ?? null });
      return await orTenantRefusal(db, write, tenantId, ['input', 'tenantId']);
    },
    async remove(db, id) {
      if (isUuid(id) && (await deleteSecret(db.sql, id))) return;
      if (!isUuid(id) || !(await isVisible(db.sql, id)))
        throw new NotFoundError('secret', id, { path: ['id'] });
      throw new ForbiddenError('Your role in the secret’s tenant does not allow this.', {
        path: ['id'],
        remedy: 'Ask an admin of the tenant.',
      });
    },
  };
}

/** @param sql as service_role */
export function createSecrets({ sql, cipher }: { sql: Sql; cipher: Cipher | undefined }): Secrets {
  return {
    async resolve({ userId, tenantId }, names) {
      const wanted = [...new Set(names)];
      if (wanted.length === 0) return new Map();
      if (cipher === undefined) {
        throw new SecretError(
          'SECRETS_NOT_CONFIGURED',
          'The worker has no SECRETS_KEY to read secrets with.',
        );
      }
      const owner = tenantId === null ? { userId } : { tenantId };
      const stored = await ciphertextsOf(sql, owner, wanted);
      return new Map(wanted.map((name) => [name, opened(cipher, owner, name, stored.get(name))]));
    },
  };
}

function opened(cipher: Cipher, owner: SecretOwner, name: string, ciphertext: string | undefined): string {
  if (ciphertext === undefined) {
    const whose = 'tenantId' in owner ? 'the run’s tenant' : 'the run’s owner';
    throw new SecretError('SECRET_UNKNOWN', `There is no secret ${name} of ${whose}: set it with setSecret.`);
  }
  try {
    return cipher.open(ciphertext, contextOf(owner, name));
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new SecretError('SECRET_UNREADABLE', `The secret ${name} cannot be decrypted: set it again.`);
  }
}

function ownerOf(tenantId: string | undefined, userId: string | undefined): SecretOwner {
  if (tenantId !== undefined) return { tenantId };
  if (userId !== undefined) return { userId };
  throw new ForbiddenError('A service has no secrets of its own.', {
    path: ['input', 'tenantId'],
    remedy: 'Name the tenant.',
  });
}

/** A ciphertext that is put beside another name, or into another tenant, does not open there. */
function contextOf(owner: SecretOwner, name: string): string {
  return JSON.stringify(['secret', owner, name]);
}
