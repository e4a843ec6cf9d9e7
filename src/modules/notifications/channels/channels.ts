import type { ChannelsConfig } from '../../../platform/channel-settings.ts';
import type { ServiceDatabase } from '../../../platform/db/service.ts';
import type { ChannelName, Delivery, Message, Send } from './channel.ts';
import { ChannelError } from './channel-error.ts';
import { type EmailOptions, emailChannel } from './email.ts';
import { inAppChannel } from './in-app.ts';
import { isSlackWebhook, slackChannel } from './slack.ts';
import { smsChannel } from './sms.ts';

/** Which channels this installation can send by. */
export type ChannelAvailability = {
  /**
   * @param recipients where they are known: Slack needs no setting for those that are webhooks of their own, or
   *   secrets (`{{secrets.NAME}}`) that may be
   */
  isConfigured(channel: ChannelName, recipients?: readonly string[]): boolean;
};

export type Channels = ChannelAvailability & {
  /**
   * Sends; each request that it takes has 10 s.
   *
   * @throws {ChannelError} where nobody could be told, and why; the signal's reason once that is aborted
   */
  send(message: Message & { channel: ChannelName }): Promise<Delivery>;
};

/** The settings that a channel needs. */
export const CHANNEL_SETTINGS: Readonly<Record<ChannelName, string>> = {
  email: 'SMTP_URL and SMTP_FROM',
  slack: 'SLACK_WEBHOOK_URL',
  sms: 'SMS_GATEWAY_URL and SMS_FROM',
  'in-app': 'nothing',
};

/** For whoever checks before a run, and sends nothing. */
export function channelAvailability(config: ChannelsConfig): ChannelAvailability {
  return {
    isConfigured(channel, recipients = []) {
      if (channel === 'in-app' || config[channel] !== undefined) return true;
      return channel === 'slack' && recipients.length > 0 && recipients.every(mayBeWebhook);
    },
  };
}

/** Opens nothing yet. */
export function createChannels({
  config,
  database,
  email: emailOptions,
}: {
  config: ChannelsConfig;
  /** For what is shown within the platform. */
  database: Pick<ServiceDatabase, 'transaction'>;
  email?: EmailOptions;
}): Channels {
  const { email, slack, sms } = config;
  const channels: Record<ChannelName, Send | undefined> = {
    email: email && emailChannel(email, emailOptions),
    slack: slackChannel(slack),
    sms: sms && smsChannel(sms),
    'in-app': inAppChannel(database),
  };
  return {
    ...channelAvailability(config),
    async send({ channel, ...message }) {
      const send = channels[channel];
      if (!send) throw notConfigured(channel);
      return await send(message);
    },
  };
}

function notConfigured(channel: ChannelName): ChannelError {
  return new ChannelError(
    'CHANNEL_NOT_CONFIGURED',
    `The channel ${channel} is not configured: set ${CHANNEL_SETTINGS[channel]}.`,
  );
}

function mayBeWebhook(recipient: string): boolean {
  return isSlackWebhook(recipient) || /\{\{\s*secrets\./.test(recipient);
}
