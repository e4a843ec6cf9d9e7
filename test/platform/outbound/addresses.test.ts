import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../../src/platform/outbound/addresses.ts';
import { createOutbound } from '../../../src/platform/outbound/outbound.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { refusalOf } from './support.ts';

/** Listens on every address of this machine, IPv4 and, where it has that, IPv6, and counts. */
let listener: Receiver;
beforeAll(async () => {
  const on = (host: string) => startReceiver(() => ({ body: 'reached' }), { host });
  listener = await on('::').catch(() => on('0.0.0.0'));
});
afterAll(() => listener.close());

const outbound = createOutbound({ ports: [], allowances: [] });

const LOOPBACK = [
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.0x0.0x0.0x1'],
  ...['0x7f.1', '017700000001', '0177.0.0.1', '0177.0.0.01', '00000177.0.0.1', '127.0.0.1.', '1２7.0.0.1'],
  ...['%31%32%37.0.0.1', '①②⑦.⓪.⓪.①', '127。0。0。1', '0', '0.0.0.0', '0x0', '00'],
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'ｌｏｃａｌｈｏｓｔ',
    'localhost.localdomain',
    'ip6-localhost',
  ],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[0000::0001]', '[::]', '[::127.0.0.1]', '[::7f00:1]'],
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[::ffff:0:127.0.0.1]'],
  ...[
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:7f00:1::1]',
  ],
  ...['[2001:0:7f00:1::]', '[2001::80ff:fffe]'],
];
const PRIVATE = [
  ...[
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '0xa.1',
    '012.0.0.1',
    '167772161',
  ],
  ...['100.64.0.1', '100.127.255.254', '192.0.0.1', '198.18.0.1', '198.19.255.255', '192.88.99.1'],
  ...[
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '255.255.255.255',
    '224.0.0.1',
    '239.255.255.250',
  ],
  ...['[fc00::1]', '[fd12:3456:789a::1]', '[fe80::1]', '[febf::1]', '[fec0::1]', '[ff02::1]', '[ff0e::1]'],
  ...['[2001:db8::1]', '[3fff::1]', '[100::1]', '[5f00::1]', '[2001:2::1]', '[2001:10::1]', '[4000::1]'],
  ...['[::ffff:10.0.0.1]', '[::ffff:c0a8:101]', '[::10.0.0.1]', '[64:ff9b::10.0.0.1]', '[2002:a00:1::1]'],
];
const METADATA = [
  ...['169.254.169.254', '0xa9fea9fe', '2852039166', '0251.0376.0251.0376', '169.254.43518', '169.254.1.1'],
  ...[
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
  ],
  ...[
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[::a9fe:a9fe]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::]',
  ],
  ...['[64:ff9b::168.63.129.16]', '[::ffff:168.63.129.16]'],
  ...[
    'metadata.google.internal',
    'METADATA.google.internal.',
    'metadata.goog',
    'metadata',
    'instance-data.ec2.internal',
  ],
];

describe.each([
  ['of this machine', LOOPBACK],
  ['of a network of one’s own, or of none', PRIVATE],
  ['that tells machines about themselves', METADATA],
])('an address %s', (_kind, hosts) => {
  it.each(hosts)('is refused as %s, and nothing arrives', async (host) => {
    const request = outbound.request({ url: `http://${host}:${listener.port}/`, timeoutMs: 2_000 });
    const { code } = await refusalOf(request);
    expect(['ADDRESS_REFUSED', 'HOST_REFUSED']).toContain(code);
    expect(listener.connections()).toBe(0);
  });
});

it.each([
  ...['http://user@127.0.0.1/', 'http://user:password@example.com/', 'http://example.com:pass@127.0.0.1:80/'],
  ...[
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'data:text/plain,x',
    'unix:/var/run/x.sock',
  ],
  ...[
    'http://',
    '//127.0.0.1/',
    'http://[::1',
    'http://127.0.0.1:99999/',
    'http://[fe80::1%25eth0]/',
    'http://256.1.1.1/',
  ],
  ...['javascript:alert(1)', 'ws://127.0.0.1/', ''],
])('a URL is refused as %j', async (url) => {
  expect((await refusalOf(outbound.request({ url }))).code).toBe('URL_REFUSED');
  expect(listener.connections()).toBe(0);
});

it('goes to the ports that are allowed, and to no others', async () => {
  const strict = createOutbound({ ports: [80, 443], allowances: [], resolve: async () => ['127.0.0.1'] });
  for (const url of ['http://example.com:22/', 'http://example.com:6379/', 'https://example.com:25/']) {
    expect((await refusalOf(strict.request({ url }))).code).toBe('URL_REFUSED');
  }
  for (const url of ['http://example.com/', 'https://example.com/', 'http://example.com:443/']) {
    expect((await refusalOf(strict.request({ url }))).code).toBe('ADDRESS_REFUSED');
  }
});

it.each([
  ...['93.184.215.14', '8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1'],
  ...['2606:4700::1111', '2a00:1450:4001::200e', '64:ff9b::8.8.8.8', '::ffff:8.8.8.8'],
])('%s is on the public internet', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});
