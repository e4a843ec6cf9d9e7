import { z } from 'zod';

/** How people are told things outside the platform: the settings of each channel, as config.ts reads them. */

const httpsOrHttp = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });
const address = /^[^\s@<>(),;:"]+@[^\s@<>(),;:"]+$/;

export const channelSettings = {
  SMTP_URL: z
    .url({
      protocol: /^smtps?$/,
      error: 'must look like smtp://user:password@host:587 or smtps://user:password@host:465',
    })
    .refine((text) => ['', '?tls=off'].includes(new URL(text).search), {
      error: 'may end in ?tls=off and in no other option',
    })
    .refine((text) => isDecodable(new URL(text)), { error: 'must have its password percent-encoded' })
    .optional()
    .describe(
      'Mail server of notifications by e-mail; smtp:// demands STARTTLS unless it ends in ?tls=off. Default: none.',
    )
    .meta({ example: 'smtp://user:password@mail.example.com:587' }),
  SMTP_FROM: z
    .string()
    .refine((text) => senderOf(text) !== undefined, {
      error: 'must look like runcast@example.com or Runcast <runcast@example.com>',
    })
    .optional()
    .describe('Whom those e-mails are from.')
    .meta({ example: 'Runcast <runcast@example.com>' }),
  SLACK_WEBHOOK_URL: httpsOrHttp
    .optional()
    .describe('Incoming webhook of notifications in Slack. It is a secret. Default: none.')
    .meta({ example: 'https://hooks.slack.com/services/T000/B000/XXXX' }),
  SMS_GATEWAY_URL: httpsOrHttp
    .optional()
    .describe('Where text messages are posted to, as JSON {to, from, text, idempotencyKey}. Default: none.')
    .meta({ example: 'https://sms.example.com/messages' }),
  SMS_GATEWAY_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be of visible ASCII characters')
    .optional()
    .describe('Bearer token of that gateway; default: none is sent.')
    .meta({ example: 'a-token-of-the-gateway' }),
  SMS_FROM: z
    .string()
    .max(50, 'must have at most 50 characters')
    .optional()
    .describe('Number or name that text messages are from.')
    .meta({ example: '+15550100' }),
};

export type ChannelsConfig = {
  email?: { url: string; from: Sender };
  slack?: { webhookUrl: string };
  sms?: { url: string; token?: string; from: string };
};

export type Sender = { name: string; address: string };

type Settings = { [Name in keyof typeof channelSettings]?: z.output<(typeof channelSettings)[Name]> };

export function channelsOf(s: Settings): ChannelsConfig {
  const from = s.SMTP_FROM === undefined ? undefined : senderOf(s.SMTP_FROM);
  return {
    ...(s.SMTP_URL && from && { email: { url: s.SMTP_URL, from } }),
    ...(s.SLACK_WEBHOOK_URL && { slack: { webhookUrl: s.SLACK_WEBHOOK_URL } }),
    ...(s.SMS_GATEWAY_URL &&
      s.SMS_FROM && {
        sms: {
          url: s.SMS_GATEWAY_URL,
          from: s.SMS_FROM,
          ...(s.SMS_GATEWAY_TOKEN && { token: s.SMS_GATEWAY_TOKEN }),
        },
      }),
  };
}

/** Settings that mean nothing without another, as `loadConfig` reports faults. */
export function channelFaults(s: Settings): string[] {
  const pairs = [
    ['SMTP_URL', 'SMTP_FROM'],
    ['SMTP_FROM', 'SMTP_URL'],
    ['SMS_GATEWAY_URL', 'SMS_FROM'],
    ['SMS_FROM', 'SMS_GATEWAY_URL'],
    ['SMS_GATEWAY_TOKEN', 'SMS_GATEWAY_URL'],
  ] as const;
  return pairs
    .filter(([name, other]) => s[name] !== undefined && s[other] === undefined)
    .map(([name, other]) => `${other}: is required with ${name}`);
}

function senderOf(text: string): Sender | undefined {
  const [, name = '', inBrackets] = /^([^<>"\r\n]*)<([^<>]+)>$/.exec(text.trim()) ?? [];
  const found = inBrackets ?? text.trim();
  return address.test(found) ? { name: name.trim(), address: found } : undefined;
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username);
    decodeURIComponent(password);
    return true;
  } catch {
    return false;
  }
}
