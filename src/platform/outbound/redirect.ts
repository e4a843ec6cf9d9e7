import { OutboundError } from './error.ts';
import { type Headers, harmlessOf, withoutBody } from './headers.ts';

/** A request as it goes over the wire; headers by name in lower case. */
export type Hop = {
  url: URL;
  method: string;
  headers: Headers;
  body: string | Uint8Array | undefined;
};

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Where a response sends a request, and as what, by the rules of fetch: 303, and 301 and 302 after a POST, ask again with GET
 * and no body; 307 and 308 repeat the request. To another origin go only headers that tell nothing of the caller.
 *
 * @returns undefined where the response is no redirect
 * @throws {OutboundError} REDIRECT_REFUSED from https to http
 */
export function redirectOf(hop: Hop, status: number, location: unknown): Hop | undefined {
  if (!REDIRECTS.includes(status) || typeof location !== 'string') return undefined;
  if (!URL.canParse(location, hop.url)) throw refused('The redirect leads to a URL that cannot be read.');
  const url = new URL(location, hop.url);
  url.hash = '';
  if (hop.url.protocol === 'https:' && url.protocol === 'http:') {
    throw refused('The redirect leads from https to http.');
  }
  const becomesGet =
    (status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD') ||
    (status < 303 && hop.method === 'POST');
  const headers = url.origin === hop.url.origin ? hop.headers : harmlessOf(hop.headers);
  if (!becomesGet) return { ...hop, url, headers };
  return { url, method: 'GET', headers: withoutBody(headers), body: undefined };
}

function refused(message: string): OutboundError {
  return new OutboundError('REDIRECT_REFUSED', message);
}
