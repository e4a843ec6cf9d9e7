export type ChannelFailure =
  | 'CHANNEL_NOT_CONFIGURED'
  | 'RECIPIENT_INVALID'
  | 'RECIPIENT_UNKNOWN'
  | 'MESSAGE_INVALID'
  | 'DELIVERY_REFUSED'
  | 'DELIVERY_FAILED';

/** Why something was not sent, for whoever wanted to send it: never with a password, a token or a webhook's URL. */
export class ChannelError extends Error {
  override name = 'ChannelError';
  readonly code: ChannelFailure;
  /** Whether another try would fail all the same. */
  readonly isFinal: boolean;
  /** How long the other side asks to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ChannelFailure,
    message: string,
    { isFinal = true, retryAfterMs }: { isFinal?: boolean; retryAfterMs?: number | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.isFinal = isFinal;
    this.retryAfterMs = retryAfterMs;
  }
}

export function assertShort(channel: string, text: string, max: number): void {
  if (text.trim() === '') throw new ChannelError('MESSAGE_INVALID', 'The message is empty.');
  if (text.length <= max) return;
  throw new ChannelError(
    'MESSAGE_INVALID',
    `The message has ${text.length} characters; ${channel} takes at most ${max}.`,
  );
}

const MAX_SHOWN = 100;

/** A recipient as a message may show it: one that is a URL may be a secret that stands in the wrong place. */
export function shown(recipient: string): string {
  return recipient.includes('://') ? 'a URL' : JSON.stringify(recipient.slice(0, MAX_SHOWN));
}
