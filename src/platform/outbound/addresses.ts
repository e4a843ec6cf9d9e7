import ipaddr from 'ipaddr.js';

/**
 * Where platforms tell machines about themselves, keys included. Most lie in ranges that are refused anyway; Azure's
 * 168.63.129.16 and the last two do not look private at all. A range that an operator allows does not hold them.
 */
const METADATA = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
]);

/** What IANA has given out for the internet; everything else of IPv6 is reserved, or somebody's own. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');
/** Translates to the IPv4 address in its last 32 bits: what a network without IPv4 reaches the rest by. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Whether an address, as text, is one of the public internet. What is no address is not. */
export function isPublicAddress(text: string): boolean {
  const address = addressOf(text);
  if (!address || METADATA.has(address.toString())) return false;
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast';
  // 6to4 and Teredo, within 2000::/3, have ranges of their own: they hold an IPv4 address that nobody checks on the way.
  return address.match(GLOBAL_V6) && address.range() === 'unicast';
}

export function isMetadataAddress(text: string): boolean {
  const address = addressOf(text);
  return address !== undefined && METADATA.has(address.toString());
}

/** Whether an address is within a range such as 10.0.0.0/8, whose base may be either family. */
export function isWithin(text: string, range: readonly [Address, number]): boolean {
  const address = addressOf(text);
  const [base, bits] = range;
  return address !== undefined && address.kind() === base.kind() && address.match([base, bits]);
}

/** @returns undefined for what is no range in the usual notation, e.g. `10.0.0.0/8` or `fd00::/8` */
export function rangeOf(text: string): readonly [Address, number] | undefined {
  const isRange = ipaddr.IPv6.isValidCIDR(text) || ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
  return isRange ? ipaddr.parseCIDR(text) : undefined;
}

/** An IPv4 address in the clothes of IPv6 is that IPv4 address: both reach the same machine. */
function addressOf(text: string): Address | undefined {
  if (!ipaddr.isValid(text)) return undefined;
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv6 && address.match(NAT64)) {
    return new ipaddr.IPv4(address.toByteArray().slice(12));
  }
  return address;
}
