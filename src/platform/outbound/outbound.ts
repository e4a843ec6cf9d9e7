import type { Readable } from 'node:stream';
import type { Allowance } from './allowances.ts';
import { boundedBody, bytesOf } from './body.ts';
import { startClock } from './clock.ts';
import { OutboundError } from './error.ts';
import { type Exchange, exchange } from './exchange.ts';
import { type Headers, type ResponseHeaders, requestHeaders } from './headers.ts';
import type { HostLimits } from './host-patterns.ts';
import { type Hop, redirectOf } from './redirect.ts';
import { checkedAddresses, createResolve, type Resolve } from './resolve.ts';
import { readUrl, targetOf } from './target.ts';

export type OutboundRequest = {
  /** http or https; a fragment is not sent. */
  url: string | URL;
  /** Default: GET. */
  method?: string;
  headers?: Headers;
  body?: string | Uint8Array | undefined;
  /** Aborted: the request ends at once, and rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for all of it: names, connections, redirects and the body. Default: 10,000. */
  timeoutMs?: number;
  /** Bytes of the body, as they arrive and decompressed alike. Default: 1,048,576. */
  maxBytes?: number;
  /** Where redirects may lead, too. Default: anywhere. */
  hosts?: HostLimits | undefined;
  /** How many redirects are followed. Default: 5. */
  maxRedirects?: number;
};

export type OutboundResponse<Body> = {
  /** Whatever it is: that a server says no is no failure of the request. */
  status: number;
  headers: ResponseHeaders;
  /** Decompressed. */
  body: Body;
  /** Where it came from in the end. */
  url: URL;
};

export type OutboundOptions = {
  /** Ports that may be called; none: any. */
  ports: readonly number[];
  /** What may be reached beyond the public internet. */
  allowances: readonly Allowance[];
  /** Default: Runcast. */
  userAgent?: string;
  /** Default: the name servers, and for hosts that are allowed by name the system. */
  resolve?: Resolve;
  /** Certificates to trust instead of the system's, as PEM. */
  ca?: string;
};

/** The one way out for every request that a user's definition causes. */
export type Outbound = {
  /** @throws {OutboundError} before anything is sent, or where the response is not to be had; the signal's reason */
  request(request: OutboundRequest): Promise<OutboundResponse<Buffer>>;
  /**
   * As `request`, and resolves with the headers. The body is to be read to its end or destroyed; it fails with what
   * `request` throws.
   */
  stream(request: OutboundRequest): Promise<OutboundResponse<Readable>>;
};

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];
const USER_AGENT = 'Runcast';
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1_048_576;
const MAX_REDIRECTS = 5;

/** Opens nothing before the first request, and reads no environment: proxies that it names are not used. */
export function createOutbound(options: OutboundOptions): Outbound {
  async function stream(request: OutboundRequest): Promise<OutboundResponse<Readable>> {
    const { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = request;
    const clock = startClock(timeoutMs, request.signal);
    let hostname = '';
    try {
      clock.signal.throwIfAborted();
      const hop = firstHop(request, options.userAgent ?? USER_AGENT);
      hostname = hop.url.hostname;
      const { url, response } = await follow(hop, request, clock.signal, options);
      hostname = url.hostname;
      const { status, headers } = response;
      const body = boundedBody(response, maxBytes, (error) => clock.explain(error, hostname));
      body.once('close', () => clock.stop());
      return { status, headers, body, url };
    } catch (error) {
      clock.stop();
      throw clock.explain(error, hostname);
    }
  }

  return {
    stream,
    async request(request) {
      const response = await stream(request);
      return { ...response, body: await bytesOf(response.body) };
    },
  };
}

function firstHop(request: OutboundRequest, userAgent: string): Hop {
  const { url, method = 'GET', headers = {}, body } = request;
  if (!METHODS.includes(method))
    throw new OutboundError('URL_REFUSED', `The method may be one of ${METHODS.join(', ')}.`);
  return { url: readUrl(url), method, headers: requestHeaders(headers, userAgent), body };
}

/** Every place that a redirect leads to is looked at as the first one was. */
async function follow(
  first: Hop,
  { hosts, maxRedirects = MAX_REDIRECTS }: OutboundRequest,
  signal: AbortSignal,
  { ports, allowances, resolve = createResolve(), ca }: OutboundOptions,
): Promise<{ url: URL; response: Exchange }> {
  let hop = first;
  for (let redirects = 0; ; redirects += 1) {
    const target = targetOf(hop.url, { ports, allowances }, hosts);
    const addresses = await checkedAddresses(target, { resolve, allowances, signal });
    const response = await exchange(hop, { addresses, signal, ca });
    const next = nextHop(hop, response, redirects < maxRedirects);
    if (!next) return { url: hop.url, response };
    hop = next;
  }
}

/** Undefined where the response is what was asked for; otherwise the connection is closed. */
function nextHop(hop: Hop, { status, headers, close }: Exchange, mayFollow: boolean): Hop | undefined {
  try {
    const next = redirectOf(hop, status, headers.location);
    if (next && !mayFollow) {
      throw new OutboundError(
        'REDIRECT_REFUSED',
        'The response is a redirect, and no further one is followed.',
      );
    }
    if (next) close();
    return next;
  } catch (error) {
    close();
    throw error;
  }
}
