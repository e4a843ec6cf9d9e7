import { expect, it } from 'vitest';
import { clientAddress } from '../../src/platform/client-address.ts';

it.each([
  ['no proxy is trusted', 0, '9.9.9.9', '1.2.3.4', '1.2.3.4'],
  ['one proxy is trusted', 1, '6.6.6.6, 9.9.9.9', '10.0.0.1', '9.9.9.9'],
  ['two proxies are trusted', 2, '6.6.6.6, 9.9.9.9, 10.0.0.2', '10.0.0.1', '9.9.9.9'],
  ['the header is shorter than it should be', 2, '9.9.9.9', '10.0.0.1', '10.0.0.1'],
  ['there is no header', 1, undefined, '10.0.0.1', '10.0.0.1'],
  ['it is IPv4 in IPv6', 0, undefined, '::ffff:1.2.3.4', '1.2.3.4'],
  ['it is IPv6', 0, undefined, '2001:db8:0:1:aaaa::7', '2001:db8:0:1::/64'],
  ['it is the same network, written otherwise', 0, undefined, '2001:0DB8:0000:0001::9', '2001:db8:0:1::/64'],
  ['it is this machine', 0, undefined, '::1', '0:0:0:0::/64'],
])('the client address where %s', (_case, trusted, header, remoteAddress, address) => {
  const headers = header === undefined ? {} : { 'x-forwarded-for': header };
  expect(clientAddress({ headers, socket: { remoteAddress } }, trusted)).toBe(address);
});
