import { Readable } from 'node:stream';
import type { Outbound, OutboundRequest } from './outbound.ts';

/**
 * The client in the shape of `fetch`, for libraries that take one. Bodies of requests are texts and bytes; a response's body
 * streams. It rejects with what the client throws.
 *
 * @param limits as of every request that goes through it
 */
export function fetchThrough(
  outbound: Outbound,
  limits: Pick<OutboundRequest, 'timeoutMs' | 'maxBytes' | 'hosts' | 'maxRedirects'> = {},
): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const response = await outbound.stream({
      ...limits,
      url: request.url,
      method: request.method,
      headers: Object.fromEntries(request.headers),
      body: request.body === null ? undefined : new Uint8Array(await request.arrayBuffer()),
      signal: request.signal,
    });
    const headers = Object.entries(response.headers)
      .filter(([name]) => !DECODED.includes(name))
      .flatMap(([name, value]) => [value].flat().map((line): [string, string] => [name, line]));
    const isEmpty = NO_BODY.includes(response.status);
    if (isEmpty) response.body.destroy();
    // Node's stream of the web is the web's; its types are not.
    const body = isEmpty ? null : (Readable.toWeb(response.body) as BodyInit);
    return new Response(body, { status: response.status, headers });
  };
}

/** What they say is no longer true of the body. */
const DECODED = ['content-encoding', 'content-length'];
const NO_BODY = [101, 204, 205, 304];
