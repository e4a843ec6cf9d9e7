import { OutboundError } from './error.ts';

export type Headers = Readonly<Record<string, string>>;
/** By name in lower case; a list where the header came several times and cannot be joined. */
export type ResponseHeaders = Readonly<Record<string, string | string[]>>;

/**
 * What is the connection's to say. A Host of the caller's own would reach another site behind the same address than the one
 * that was looked at, and two lengths are how requests are smuggled.
 */
const NOT_FOR_CALLERS = new Set([
  ...[
    'host',
    'connection',
    'content-length',
    'expect',
    'keep-alive',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
  ],
  ...['proxy-authorization', 'proxy-connection'],
]);

/** What says nothing about who asks, and so may follow a redirect to another origin. */
const HARMLESS = new Set(['accept', 'accept-language', 'accept-encoding', 'content-type', 'user-agent']);

/** Headers by name in lower case, with what is sent where the caller says nothing of it. */
export function requestHeaders(given: Headers, userAgent: string): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': userAgent, 'accept-encoding': 'gzip, deflate, br' };
  for (const [name, value] of Object.entries(given)) {
    const key = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key)) throw refused(name, 'is no name of a header');
    if (NOT_FOR_CALLERS.has(key)) throw refused(name, 'is not for callers to set');
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw refused(name, 'holds characters that no header may');
    headers[key] = value;
  }
  return headers;
}

export function harmlessOf(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name)));
}

export function withoutBody(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-')));
}

export function responseHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): ResponseHeaders {
  const known = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return Object.fromEntries(known);
}

function refused(name: string, why: string): OutboundError {
  return new OutboundError('HEADER_REFUSED', `The header ${JSON.stringify(name.slice(0, 100))} ${why}.`);
}
