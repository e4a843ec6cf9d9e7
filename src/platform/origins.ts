import type { IncomingMessage, ServerResponse } from 'node:http';

type Headers = IncomingMessage['headers'];
const PREFLIGHT_SECONDS = 600;

/** Which pages' scripts may use this server: its own, and those of the origins that are configured. */
export type Origins = {
  /**
   * Whether a page of an origin that is not allowed made a browser send this. Programs other than browsers send
   * neither of the headers that tell, and hold no session that a page could ride on.
   */
  isForeign(headers: Headers): boolean;
  /** Lets an allowed page read the answer. @returns whether that was all it asked (a preflight, answered here) */
  answerCors(request: IncomingMessage, response: ServerResponse): boolean;
};

/** @param allowed origins such as `https://app.example.com`, or `*` for every one */
export function createOrigins(allowed: readonly string[]): Origins {
  const isAllowed = (origin: string) => allowed.includes(origin) || allowed.includes('*');

  function isForeign(headers: Headers): boolean {
    const site = headers['sec-fetch-site'];
    if (site === 'same-origin' || site === 'none') return false;
    const { origin } = headers;
    if (origin !== undefined) return !isAllowed(origin) && !isOwn(origin, headers.host);
    return site !== undefined && headers['sec-fetch-mode'] !== 'navigate';
  }

  return {
    isForeign,
    answerCors(request, response) {
      const { origin } = request.headers;
      if (allowed.length > 0) response.setHeader('vary', 'origin');
      const isPreflight =
        request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
      if (origin !== undefined && isAllowed(origin)) {
        // Who it is comes in a header that scripts set; cookies, which browsers send unasked, are not used at all.
        response.setHeader('access-control-allow-origin', origin);
        response.setHeader('access-control-expose-headers', 'retry-after');
        if (isPreflight) {
          response.setHeader('access-control-allow-methods', 'GET, POST');
          response.setHeader('access-control-allow-headers', 'authorization, content-type, accept');
          response.setHeader('access-control-max-age', String(PREFLIGHT_SECONDS));
        }
      }
      if (isPreflight) response.writeHead(204).end();
      return isPreflight;
    },
  };
}

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
