import type { ServiceDatabase } from '../../../platform/db/service.ts';
import { storable } from '../../../platform/feed/events.ts';
import { findRecipients, notifyUser } from '../sql.ts';
import type { Message, Send } from './channel.ts';
import { assertShort, ChannelError, shown } from './channel-error.ts';

const MAX_TITLE = 200;
const MAX_BODY = 10_000;

/**
 * Tells members of the run's tenant, and its owner, within the platform: each once by the key, and all of them or, where
 * somebody may not be told, nobody.
 */
export function inAppChannel(database: Pick<ServiceDatabase, 'transaction'>): Send {
  return async (message) => {
    const { recipients, owner } = message;
    const title = stored(message.subject ?? firstLine(message.message)).slice(0, MAX_TITLE);
    const body = stored(message.message);
    if (body.length > MAX_BODY) assertShort('a notification', body, MAX_BODY);
    if (title.trim() === '') throw new ChannelError('MESSAGE_INVALID', 'The message is empty.');
    return await database.transaction(async (sql) => {
      const names = [...new Set(recipients.map((name) => stored(name).trim()))];
      const found = await findRecipients(sql, owner, names);
      const unknown = names.filter((name) => !found.has(name));
      if (unknown.length > 0) throw unknownRecipients(unknown);
      // In the order of their ids, as everybody who locks several users' counters does.
      for (const userId of [...new Set(found.values())].sort()) {
        await notifyUser(sql, {
          userId,
          tenantId: owner.tenantId,
          title,
          body,
          source: sourceOf(message),
          dedupeKey: message.idempotencyKey,
        });
      }
      return { delivered: names, refused: [] };
    });
  };
}

function sourceOf({ source }: Message) {
  if (!source) return null;
  const { execution, stepId } = source;
  return { kind: execution.kind, executionId: execution.id, ...(stepId !== undefined && { stepId }) };
}

function unknownRecipients(names: readonly string[]): ChannelError {
  const listed = names.map(shown).join(', ');
  return new ChannelError(
    'RECIPIENT_UNKNOWN',
    `Within the platform only the run’s owner and active members of its tenant are told, by id or e-mail address; not ${listed}.`,
  );
}

function firstLine(text: string): string {
  return text.trim().split(/\r?\n/, 1)[0] ?? '';
}

function stored(text: string): string {
  return String(storable(text));
}
