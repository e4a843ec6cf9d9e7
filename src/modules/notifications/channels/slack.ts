import type { ChannelsConfig } from '../../../platform/channel-settings.ts';
import type { Delivery, Send, SendOptions } from './channel.ts';
import { assertShort, ChannelError } from './channel-error.ts';
import { postJson } from './post-json.ts';

/** Slack cuts what is longer. */
const MAX_TEXT = 40_000;
const MAX_NAMES = 1;

/** Those of a webhook alone: whoever writes a workflow may not name any other host. */
const WEBHOOK = /^https:\/\/hooks\.slack(-gov)?\.com\/(services|workflows|triggers)\/[A-Za-z0-9/_-]+$/;

/** Whether a recipient is an incoming webhook of its own, out of a secret, and not the name of a channel. */
export function isSlackWebhook(recipient: string): boolean {
  return WEBHOOK.test(recipient);
}

/**
 * Posts to incoming webhooks: to the configured one for the name of a channel, and to each recipient that is a webhook's
 * URL. Most webhooks post to one channel whatever name is sent along. Slack knows no idempotency keys.
 */
export function slackChannel(config: ChannelsConfig['slack'], options: SendOptions = {}): Send {
  return async ({ recipients, message, signal }) => {
    const text = escaped(message);
    assertShort('Slack', text, MAX_TEXT);
    const posts = postsOf(recipients, config?.webhookUrl);
    const delivery: Delivery = { delivered: [], refused: [] };
    for (const { recipient, url, channel } of posts) {
      await postJson({
        name: 'Slack',
        url,
        body: { text, ...(channel !== undefined && { channel }) },
        signal,
        ...options,
      });
      delivery.delivered.push(recipient);
    }
    return delivery;
  };
}

type Post = { recipient: string; url: string; channel?: string };

function postsOf(recipients: readonly string[], configured: string | undefined): Post[] {
  const all = [...new Set(recipients)];
  const webhooks = all.filter(isSlackWebhook);
  const names = all.filter((recipient) => !isSlackWebhook(recipient));
  if (names.some((name) => name.includes('://'))) {
    throw new ChannelError(
      'RECIPIENT_INVALID',
      'A URL that is no incoming webhook of Slack is no recipient.',
    );
  }
  if (names.length > MAX_NAMES) {
    throw new ChannelError(
      'RECIPIENT_INVALID',
      'A webhook of Slack posts to one channel: name one, or give a webhook for each by a secret.',
    );
  }
  if (names.length > 0 && configured === undefined) {
    throw new ChannelError('CHANNEL_NOT_CONFIGURED', 'Slack is not configured: set SLACK_WEBHOOK_URL.');
  }
  return [
    ...names.map((channel) => ({ recipient: channel, url: configured ?? '', channel })),
    ...webhooks.map((url) => ({ recipient: 'webhook', url })),
  ];
}

/** In Slack's markup `<!channel>` wakes everybody, and what a template is filled with is anybody's text. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
