import { isIP } from 'node:net';
import type ipaddr from 'ipaddr.js';
import { isMetadataAddress, isPublicAddress, isWithin, rangeOf } from './addresses.ts';
import { matchesPattern } from './host-patterns.ts';

/** What an operator lets requests reach beyond the public internet. */
export type Allowance =
  | { host: string; port: number | undefined }
  | { range: readonly [ipaddr.IPv4 | ipaddr.IPv6, number] };

/**
 * An entry of OUTBOUND_ALLOWED_HOSTS: `models.lan`, `models.lan:8080`, `*.lan`, `10.1.2.3`, `[fd00::1]:8080` or
 * `10.1.0.0/16`; undefined for anything else.
 */
export function allowanceOf(entry: string): Allowance | undefined {
  if (entry.includes('/')) {
    const range = rangeOf(entry);
    return range && { range };
  }
  const bare = isIP(entry) === 6 ? `[${entry}]` : entry;
  const isWildcard = bare.startsWith('*.');
  const url = `http://${isWildcard ? bare.slice(2) : bare}`;
  if (!URL.canParse(url) || !/^[^/?#@\\\s]+$/.test(bare)) return undefined;
  const { hostname } = new URL(url);
  // The URL leaves 80 out, which is a port as well.
  const port = /:(\d+)$/.exec(bare.replace(/^\[.*\]/, ''))?.[1];
  return {
    host: isWildcard ? `*.${hostname}` : hostname,
    port: port === undefined ? undefined : Number(port),
  };
}

/** Whether an operator has named this host, whatever its addresses are. A port that is named is allowed with it. */
export function isNamed(
  target: { host: string; port: number },
  allowances: readonly Allowance[],
  ports: readonly number[],
): boolean {
  return allowances.some((allowance) => {
    if (!('host' in allowance) || !matchesPattern(target.host, allowance.host)) return false;
    return allowance.port === undefined ? isAllowedPort(target.port, ports) : allowance.port === target.port;
  });
}

/** No ports at all stand for any. */
export function isAllowedPort(port: number, ports: readonly number[]): boolean {
  return ports.length === 0 || ports.includes(port);
}

/** A range lets nobody reach what platforms tell machines about themselves, unless it is that address alone. */
export function isAllowedAddress(address: string, allowances: readonly Allowance[]): boolean {
  if (isPublicAddress(address)) return true;
  return allowances.some((allowance) => {
    if (!('range' in allowance) || !isWithin(address, allowance.range)) return false;
    const [base, bits] = allowance.range;
    return !isMetadataAddress(address) || bits === (base.kind() === 'ipv4' ? 32 : 128);
  });
}
