import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { buildConnector, Client } from 'undici';
import { type ResponseHeaders, responseHeaders } from './headers.ts';
import type { Hop } from './redirect.ts';

/** A response whose body is still on its way. */
export type Exchange = {
  status: number;
  headers: ResponseHeaders;
  /** As it arrives, compressed or not. */
  body: Readable;
  /** Ends the connection; to be called whatever becomes of the body. */
  close(): void;
};

/**
 * Sends one request over a connection of its own, which goes to one of the addresses and to no other: the name is not looked
 * up again. No connection is kept, so none that was opened for one tenant carries another's request.
 *
 * @param ca certificates to trust instead of the system's; default: those
 */
export async function exchange(
  hop: Hop,
  { addresses, signal, ca }: { addresses: readonly string[]; signal: AbortSignal; ca?: string | undefined },
): Promise<Exchange> {
  const connect = buildConnector({
    lookup: pinnedTo(addresses),
    autoSelectFamily: true,
    allowH2: false,
    // The one clock is the signal, which ends a connection that is still being made as well.
    timeout: 0,
    signal,
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
  });
  const client = new Client(hop.url.origin, { connect, pipelining: 0 });
  signal.addEventListener('abort', () => destroy(client), { once: true });
  try {
    const response = await client.request({
      path: `${hop.url.pathname}${hop.url.search}`,
      // undici names the methods it knows of, and sends any.
      method: hop.method as 'GET',
      headers: hop.headers,
      body: hop.body === undefined ? null : Buffer.from(hop.body),
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return {
      status: response.statusCode,
      headers: responseHeaders(response.headers),
      body: response.body,
      close: () => destroy(client),
    };
  } catch (error) {
    destroy(client);
    throw error;
  }
}

function destroy(client: Client): void {
  client.destroy().catch(() => undefined);
}

function pinnedTo(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, found) => {
    const [first] = all;
    if (options.all) found(null, all);
    else found(null, first?.address ?? '', first?.family);
  };
}
