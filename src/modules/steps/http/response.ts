import type { OutboundResponse } from '../../../platform/outbound/outbound.ts';
import type { Redactor } from '../../../platform/redactor.ts';
import { isList, isObject } from '../json.ts';
import { StepError } from '../step.ts';
import { retryAfterOf } from './retry-after.ts';

/** What a request has come to, as the step's output. */
export type HttpOutput = {
  status: number;
  /** By name in lower case; a list where a header came several times. */
  headers: Readonly<Record<string, string | string[]>>;
  /** JSON as what it stands for, text as text, bytes in base64; null for nothing. */
  body: unknown;
  /** There where the body is in base64. */
  bodyEncoding?: 'base64';
};

/** Answers of a server that asks for another try: too slow, too early, too often. */
const TRANSIENT = [408, 425, 429];
/** Deeper JSON stays text: whoever walks it would run out of stack. */
const MAX_DEPTH = 100;
const MAX_EXCERPT = 200;

export function outputOf(
  { status, headers, body }: OutboundResponse<Buffer>,
  redactor: Redactor,
): HttpOutput {
  const type = [headers['content-type'] ?? ''].flat().join().toLowerCase();
  const isText =
    type === '' || /^(text\/|application\/(.*\b(json|xml|javascript)|x-www-form-urlencoded|yaml))/.test(type);
  if (!isText && body.length > 0) {
    return redactor.json({ status, headers, body: body.toString('base64'), bodyEncoding: 'base64' });
  }
  const text = decoded(body, type);
  const value = text === '' ? null : /\bjson\b/.test(type) ? parsed(text) : text;
  return redactor.json({ status, headers, body: storable(value) } as HttpOutput);
}

/**
 * @param what the request, as `POST https://example.com/path`
 * @throws {StepError} where the status is none of success; final where it would be the same again
 */
export function assertSuccess(what: string, response: OutboundResponse<Buffer>, redactor: Redactor): void {
  const { status, headers, body } = response;
  if (status >= 200 && status < 300) return;
  // Blotted out before it is cut: half a secret would not be recognised.
  const said = redactor.text(body.toString('utf8')).replaceAll(/\s+/g, ' ').trim().slice(0, MAX_EXCERPT);
  const message = redactor.text(`${what} answered ${status}${said === '' ? '' : `: ${said}`}`);
  const retryAfterMs = retryAfterOf(headers['retry-after'], Date.now());
  const isFinal = status < 500 && !TRANSIENT.includes(status);
  throw new StepError(
    { code: 'HTTP_STATUS', message: storable(message) as string },
    { isFinal, ...(!isFinal && retryAfterMs !== undefined && { retryAfterMs }) },
  );
}

function decoded(body: Buffer, type: string): string {
  const charset = /charset="?([\w-]+)/.exec(type)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return body.toString('utf8');
  }
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isWithin(value, MAX_DEPTH) ? value : text;
  } catch {
    return text;
  }
}

function isWithin(value: unknown, levels: number): boolean {
  const inner = isList(value) ? value : isObject(value) ? Object.values(value) : [];
  return inner.length === 0 || (levels > 0 && inner.every((item) => isWithin(item, levels - 1)));
}

/** Postgres holds neither U+0000 nor half a surrogate pair. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\u0000', '\uFFFD');
  if (isList(value)) return value.map(storable);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storable(inner)]));
}
