import { createHash } from 'node:crypto';
import { createTransport } from 'nodemailer';
import type { ChannelsConfig } from '../../../platform/channel-settings.ts';
import { DEFAULT_TIMEOUT_MS, type Delivery, type Send, type SendOptions } from './channel.ts';
import { assertShort, ChannelError, shown } from './channel-error.ts';
import { smtpFailure, smtpReason, tooLate } from './smtp-failure.ts';

const MAX_TEXT = 500_000;
const MAX_SUBJECT = 200;

/** No quoted names, comments or lists: one address is one recipient, whatever it is made of. */
const ADDRESS = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$/;

export type EmailOptions = SendOptions & {
  /** Certificates of authorities to trust in place of Node's own. */
  ca?: string | undefined;
};

/**
 * Sends one e-mail to all recipients together, who see each other. TLS is demanded and verified. Whether somebody sends
 * it twice shows by its Message-ID, which is made of the idempotency key.
 */
export function emailChannel(config: NonNullable<ChannelsConfig['email']>, options: EmailOptions = {}): Send {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, ca } = options;
  const transport = createTransport(transportOptions(config.url, timeoutMs, ca));
  return async ({ recipients, message, subject, idempotencyKey, signal }) => {
    assertShort('an e-mail', message, MAX_TEXT);
    const to = [...new Set(recipients.map(addressOf))];
    const late = AbortSignal.timeout(timeoutMs);
    const sent = await transport
      .sendMail({
        from: config.from,
        to: to.map((address) => ({ name: '', address })),
        subject: subjectOf(subject ?? message),
        text: message,
        messageId: `<${digest(idempotencyKey)}@${domainOf(config.from.address)}>`,
        headers: { 'auto-submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal: signal ? AbortSignal.any([signal, late]) : late,
      })
      .catch((cause: unknown) => {
        if (signal?.aborted) throw signal.reason;
        throw late.aborted ? tooLate(timeoutMs) : smtpFailure(cause);
      });
    return deliveryOf(to, sent.rejectedErrors ?? []);
  };
}

function transportOptions(text: string, timeoutMs: number, ca: string | undefined) {
  const url = new URL(text);
  const isPlain = url.searchParams.get('tls') === 'off';
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 465 : 587)),
    secure,
    requireTLS: !secure && !isPlain,
    ignoreTLS: isPlain,
    ...(user && { auth: { user, pass: decodeURIComponent(url.password) } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    tls: { rejectUnauthorized: true, ...(ca !== undefined && { ca }) },
  };
}

function deliveryOf(to: readonly string[], errors: readonly { recipient?: unknown }[]): Delivery {
  const refused = errors.map((error) => ({ recipient: String(error.recipient), reason: smtpReason(error) }));
  const missed = new Set(refused.map(({ recipient }) => recipient));
  return { delivered: to.filter((address) => !missed.has(address)), refused };
}

function addressOf(recipient: string): string {
  if (ADDRESS.test(recipient)) return recipient;
  throw new ChannelError('RECIPIENT_INVALID', `${shown(recipient)} is no e-mail address.`);
}

/** A line without anything that could end it. */
function subjectOf(text: string): string {
  const [line = ''] = text.trim().split(/[\r\n\u0085\u2028\u2029]/, 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about.
  return line.replaceAll(/[\u0000-\u001f\u007f]/g, ' ').slice(0, MAX_SUBJECT);
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
