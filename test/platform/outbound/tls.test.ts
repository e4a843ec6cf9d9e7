import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { outboundTo, refusalOf } from './support.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) process.stderr.write('requests over TLS are left out: openssl is missing\n');

describe.skipIf(!hasOpenssl)('a request over TLS', () => {
  let cert: string;
  let secure: Receiver;
  let plain: Receiver;
  beforeAll(async () => {
    const folder = await temporaryFolder('tls');
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=secure.example'],
        ...['-addext', 'subjectAltName=DNS:secure.example', '-keyout', keyFile, '-out', certFile],
      ],
      { stdio: 'ignore' },
    );
    cert = readFileSync(certFile, 'utf8');
    plain = await startReceiver();
    secure = await startReceiver(
      ({ path }) =>
        path === '/plain' ? { status: 302, headers: { location: plain.url } } : { body: 'secure' },
      { tls: { key: readFileSync(keyFile, 'utf8'), cert } },
    );
  });
  afterAll(async () => {
    await secure.close();
    await plain.close();
  });
  const client = (ca?: string) =>
    outboundTo(['*.example', plain.host], { resolve: async () => ['127.0.0.1'], ...(ca && { ca }) });

  it('goes to the checked address, and knows the host by its certificate', async () => {
    const { body } = await client(cert).request({ url: `https://secure.example:${secure.port}/` });
    expect(body.toString()).toBe('secure');
  });

  it('fails where the certificate is for another host, or nobody vouches for it', async () => {
    const other = client(cert).request({ url: `https://other.example:${secure.port}/` });
    const unknown = client().request({ url: `https://secure.example:${secure.port}/` });
    for (const request of [other, unknown]) {
      const { code, message } = await refusalOf(request);
      expect(code).toBe('CONNECTION_FAILED');
      expect(message).not.toContain('127.0.0.1');
    }
    expect(secure.received.filter(({ headers }) => headers.host?.startsWith('other'))).toEqual([]);
  });

  it('is not led on to a place without it', async () => {
    const request = client(cert).request({ url: `https://secure.example:${secure.port}/plain` });
    expect((await refusalOf(request)).code).toBe('REDIRECT_REFUSED');
    expect(plain.connections()).toBe(0);
  });
});
