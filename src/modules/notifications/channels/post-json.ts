import { request } from 'undici';
import { codeOf } from '../../../platform/errors.ts';
import { DEFAULT_TIMEOUT_MS, type SendOptions } from './channel.ts';
import { ChannelError } from './channel-error.ts';
import { retryAfterMs } from './retry-after.ts';

/** What an answer says is not read; as much of it is let pass so that the connection can be used again. */
const MOST_BYTES = 65_536;

/** Statuses after which the same request may be answered otherwise. */
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

type Post = SendOptions & {
  /** What is spoken of in messages: the URL may be a secret. */
  name: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  body: object;
  signal?: AbortSignal | undefined;
};

/**
 * Posts to a URL of the operator's and resolves where that was taken. Redirects are not followed.
 *
 * @throws {ChannelError} DELIVERY_REFUSED by status, DELIVERY_FAILED where there was no answer in time; the signal's reason
 */
export async function postJson(post: Post): Promise<void> {
  const { name, url, headers, body, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = post;
  const late = AbortSignal.timeout(timeoutMs);
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Runcast', ...headers },
    body: JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, late]) : late,
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw signal.reason;
    const why = late.aborted
      ? `did not answer within ${timeoutMs / 1_000} s`
      : `did not answer (${said(cause)})`;
    throw new ChannelError('DELIVERY_FAILED', `${name} ${why}.`, { isFinal: false });
  });
  await answer.body.dump({ limit: MOST_BYTES }).catch(() => undefined);
  const { statusCode } = answer;
  if (statusCode >= 200 && statusCode < 300) return;
  const isFinal = !RETRYABLE.has(statusCode);
  throw new ChannelError('DELIVERY_REFUSED', `${name} answered with status ${statusCode}.`, {
    isFinal,
    retryAfterMs: isFinal ? undefined : retryAfterMs(answer.headers['retry-after']),
  });
}

/** A code alone: messages of errors hold addresses. */
function said(cause: unknown): string {
  return codeOf(cause) ?? 'no connection';
}
