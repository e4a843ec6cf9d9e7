import { isIP } from 'node:net';
import { type Allowance, isAllowedAddress, isAllowedPort, isNamed } from './allowances.ts';
import { OutboundError } from './error.ts';
import { type HostLimits, isWithinLimits, matchesPattern } from './host-patterns.ts';

/** Where a request may go: a URL that was looked at, and no address yet unless it is one itself. */
export type Target = {
  url: URL;
  /** Without brackets and without a dot at the end. */
  host: string;
  port: number;
  /** Whether an operator has named it: its addresses are not looked at. */
  isNamed: boolean;
};

export type TargetRules = { ports: readonly number[]; allowances: readonly Allowance[] };

/** Names of this machine, and of what platforms tell machines about themselves. Most others are refused by their address. */
const OWN_NAMES = [
  ...['localhost', '*.localhost', 'localhost.localdomain', 'ip6-localhost', 'ip6-loopback'],
  ...['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal'],
];

/**
 * Refuses a URL by everything that shows before its name is resolved.
 *
 * @throws {OutboundError} URL_REFUSED, HOST_REFUSED or ADDRESS_REFUSED
 */
export function targetOf(url: URL, rules: TargetRules, limits: HostLimits = {}): Target {
  assertPlain(url);
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const named = isNamed({ host: url.hostname, port }, rules.allowances, rules.ports);
  if (!isWithinLimits(url.hostname, limits)) {
    throw new OutboundError(
      'HOST_REFUSED',
      `The host ${url.hostname} is not among those that may be called here.`,
    );
  }
  if (!named) {
    if (!isAllowedPort(port, rules.ports)) {
      throw new OutboundError(
        'URL_REFUSED',
        `The port ${port} may not be called: ${rules.ports.join(', ')} may.`,
      );
    }
    if (OWN_NAMES.some((name) => matchesPattern(host, name))) {
      throw new OutboundError('HOST_REFUSED', `The host ${url.hostname} may not be called.`);
    }
    if (isIP(host) !== 0 && !isAllowedAddress(host, rules.allowances)) throw refusedAddress(url);
  }
  return { url, host, port, isNamed: named };
}

/** The same sentence for an address that was written and for one that a name resolves to, which it does not tell. */
export function refusedAddress({ hostname }: URL): OutboundError {
  return new OutboundError(
    'ADDRESS_REFUSED',
    `The host ${hostname} is not on the public internet: only an operator can allow it, by OUTBOUND_ALLOWED_HOSTS.`,
  );
}

/**
 * Reads a URL as browsers do, which turns every notation of an IPv4 address (0x7f.1, 2130706433, 017700000001) into the
 * usual one.
 *
 * @throws {OutboundError} URL_REFUSED
 */
export function readUrl(text: string | URL): URL {
  if (!URL.canParse(String(text))) throw new OutboundError('URL_REFUSED', 'The URL cannot be read.');
  const url = new URL(text);
  url.hash = '';
  return url;
}

/** @throws {OutboundError} URL_REFUSED */
function assertPlain({ protocol, username, password }: URL): void {
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new OutboundError('URL_REFUSED', 'Only http and https URLs may be called.');
  }
  if (username !== '' || password !== '') {
    throw new OutboundError('URL_REFUSED', 'A URL must not hold a user name or a password.');
  }
}
