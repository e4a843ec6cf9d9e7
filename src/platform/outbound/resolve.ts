import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { untilAborted } from '../until-aborted.ts';
import { type Allowance, isAllowedAddress } from './allowances.ts';
import { OutboundError } from './error.ts';
import { refusedAddress, type Target } from './target.ts';

/** The addresses of a host; none where it has none. May reject where they are not to be had. */
export type Resolve = (host: string, options: { isNamed: boolean; signal: AbortSignal }) => Promise<string[]>;

/**
 * Names that operators allowed are resolved as the system does it, by its hosts file and search domains. Names of users
 * are asked of the name servers alone: that knows no names of this machine's, and a name server that does not answer
 * holds no thread of the four that files are read with.
 *
 * @param servers name servers as `address:port`; default: the system's
 */
export function createResolve(servers?: readonly string[]): Resolve {
  return async (host, { isNamed, signal }) => {
    if (isNamed) return (await lookup(host, { all: true })).map(({ address }) => address);
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    if (servers) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    signal.removeEventListener('abort', cancel);
    return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  };
}

/**
 * What may be connected to. One address that is refused refuses them all: a name that is half public is somebody's try.
 *
 * @throws {OutboundError} CONNECTION_FAILED where the name has no address, ADDRESS_REFUSED
 */
export async function checkedAddresses(
  { url, host, isNamed }: Target,
  options: { resolve: Resolve; allowances: readonly Allowance[]; signal: AbortSignal },
): Promise<string[]> {
  const { resolve, allowances, signal } = options;
  if (isIP(host) !== 0) return [host];
  // The system's own look-ups go on for minutes where nobody answers.
  const addresses = await untilAborted(resolve(host, { isNamed, signal }), signal).catch(() => []);
  signal.throwIfAborted();
  if (addresses.length === 0) {
    throw new OutboundError('CONNECTION_FAILED', `The host ${url.hostname} was not found.`);
  }
  if (!isNamed && !addresses.every((address) => isAllowedAddress(address, allowances)))
    throw refusedAddress(url);
  return addresses;
}
