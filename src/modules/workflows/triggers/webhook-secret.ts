import { randomBytes } from 'node:crypto';
import { ConflictError, NotConfiguredError } from '../../../graphql/errors.ts';
import type { Lease } from '../../../platform/db/lease.ts';
import { type Cipher, UnreadableError } from '../../../platform/encryption.ts';
import { lockForChange } from '../../agents/versioned.ts';
import { isObject } from '../../steps/json.ts';
import type { WorkflowHead } from '../sql.ts';
import { isSignedWith, type SignedRequest } from './signature.ts';
import { writeWebhook } from './webhook-sql.ts';

/** What requests that start a workflow are signed with, by the Standard Webhooks scheme. */
export type WebhookSecrets = {
  /**
   * Makes a new secret in place of the one before, as the lease's viewer.
   *
   * @returns it, `whsec_…`, this once
   */
  rotate(db: Lease, by: string | undefined, workflowId: string): Promise<string>;
  /**
   * Whether a request was signed with a workflow's secret within the last five minutes, in the same time whatever it is.
   *
   * @param sealed undefined for a workflow that is not there, or has none
   */
  isSigned(request: SignedRequest, workflowId: string, sealed: string | undefined): boolean;
};

/** As the scheme recommends: 24 to 64 bytes. */
const SECRET_BYTES = 32;

/** @param cipher undefined where no key is configured: then no request is taken for signed */
export function createWebhookSecrets({ cipher }: { cipher: Cipher | undefined }): WebhookSecrets {
  // Requests to what is not there are checked as well, so that the time which that takes tells nothing.
  const nobodys = newSecret();

  return {
    async rotate(db, by, workflowId) {
      if (!cipher)
        throw new NotConfiguredError(
          'SECRETS_KEY',
          'Webhooks cannot be used: there is no key to encrypt their secrets with.',
        );
      const secret = newSecret();
      await db.transaction(async ({ sql }) => {
        const path = ['workflowId'];
        const wanted = { id: workflowId, columns: 'trigger', path };
        const { trigger } = await lockForChange<WorkflowHead>(sql, 'workflow', wanted);
        if (!isObject(trigger) || trigger.type !== 'webhook')
          throw new ConflictError('The workflow does not start by a webhook.', {
            path,
            remedy: 'Give it a trigger of the type webhook first.',
          });
        const ciphertext = cipher.seal(secret, contextOf(workflowId));
        await writeWebhook(sql, { workflowId, ciphertext, by: by ?? null });
      });
      return secret;
    },

    isSigned(request, workflowId, sealed) {
      const secret = opened(workflowId, sealed);
      return isSignedWith(secret ?? nobodys, request) && secret !== undefined;
    },
  };

  function opened(workflowId: string, sealed: string | undefined): string | undefined {
    if (!cipher || sealed === undefined) return undefined;
    try {
      return cipher.open(sealed, contextOf(workflowId));
    } catch (error) {
      if (error instanceof UnreadableError) return undefined;
      throw error;
    }
  }
}

function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** A ciphertext that is put beside another workflow does not open there. */
function contextOf(workflowId: string): string {
  return JSON.stringify(['workflow webhook', workflowId.toLowerCase()]);
}
