import type { ChannelsConfig } from '../../../platform/channel-settings.ts';
import type { Send, SendOptions } from './channel.ts';
import { assertShort, ChannelError, shown } from './channel-error.ts';
import { postJson } from './post-json.ts';

/** Ten parts of a long message. */
const MAX_TEXT = 1_600;

/** E.164, once what people write between the digits is gone. */
const NUMBER = /^\+[1-9]\d{6,14}$/;

/** Posts each message to a gateway, which is to know by its key what it has sent already. */
export function smsChannel(config: NonNullable<ChannelsConfig['sms']>, options: SendOptions = {}): Send {
  const { url, token, from } = config;
  return async ({ recipients, message, idempotencyKey, signal }) => {
    assertShort('a text message', message, MAX_TEXT);
    const numbers = [...new Set(recipients.map(numberOf))];
    for (const to of numbers) {
      const key = `${idempotencyKey}/${to}`;
      await postJson({
        name: 'The SMS gateway',
        url,
        headers: { 'idempotency-key': key, ...(token && { authorization: `Bearer ${token}` }) },
        body: { to, from, text: message, idempotencyKey: key },
        signal,
        ...options,
      });
    }
    return { delivered: numbers, refused: [] };
  };
}

function numberOf(recipient: string): string {
  const number = recipient.replaceAll(/[\s().-]/g, '');
  if (NUMBER.test(number)) return number;
  throw new ChannelError(
    'RECIPIENT_INVALID',
    `${shown(recipient)} is no telephone number: write it as +15550100, with the country’s code.`,
  );
}
