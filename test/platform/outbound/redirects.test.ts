import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redirectOf } from '../../../src/platform/outbound/redirect.ts';
import { type Answer, type Received, type Receiver, startReceiver } from '../../support/receiver.ts';
import { outboundTo, refusalOf } from './support.ts';

let first: Receiver;
let other: Receiver;
let inner: Receiver;
let answer: (request: Received) => Answer;
beforeEach(async () => {
  first = await startReceiver((request) => answer(request));
  other = await startReceiver((request) => ({ body: request.body }));
  inner = await startReceiver(() => ({ body: 'inner' }), { host: '127.0.0.3' });
});
afterEach(async () => {
  for (const receiver of [first, other, inner]) await receiver.close();
});

const to = (location: string, status = 302) => {
  answer = ({ path }) => (path === '/' ? { status, headers: { location } } : { body: path });
};
const client = () => outboundTo([first.host, other.host]);

it('is followed to where it leads, relative or not', async () => {
  to('/there?x=1#part');
  const { body, url } = await client().request({ url: first.url });
  expect(body.toString()).toBe('/there?x=1');
  expect(url.pathname).toBe('/there');
});

it.each([
  ['to another port of this machine', () => `http://127.0.0.1:${inner.port}/`, 'ADDRESS_REFUSED'],
  ['to another address of this machine', () => inner.url, 'ADDRESS_REFUSED'],
  ['to it in another notation', () => `http://0x7f000003:${inner.port}/`, 'ADDRESS_REFUSED'],
  ['to it without a scheme', () => `//127.0.0.3:${inner.port}/`, 'ADDRESS_REFUSED'],
  ['to it in IPv6', () => `http://[::ffff:127.0.0.3]:${inner.port}/`, 'ADDRESS_REFUSED'],
  ['to a name of this machine', () => `http://localhost:${inner.port}/`, 'HOST_REFUSED'],
  ['to the metadata service', () => 'http://169.254.169.254/latest/meta-data/', 'ADDRESS_REFUSED'],
  ['to a file', () => 'file:///etc/passwd', 'URL_REFUSED'],
  ['to a user name', () => `http://user:password@127.0.0.1:${other.port}/`, 'URL_REFUSED'],
  ['to nothing that can be read', () => 'http://[', 'REDIRECT_REFUSED'],
])('is refused %s, by every status', async (_where, location, code) => {
  for (const status of [301, 302, 303, 307, 308]) {
    to(location(), status);
    expect((await refusalOf(client().request({ url: first.url, method: 'POST', body: 'x' }))).code).toBe(
      code,
    );
  }
  expect(inner.connections()).toBe(0);
});

it('is refused where the request is held to other hosts', async () => {
  to(other.url);
  const { host } = first;
  const outbound = outboundTo([host, `other.example:${other.port}`], { resolve: async () => ['127.0.0.1'] });
  to(`http://other.example:${other.port}/`);
  const { code } = await refusalOf(outbound.request({ url: first.url, hosts: { allowed: ['127.0.0.1'] } }));
  expect(code).toBe('HOST_REFUSED');
  expect(other.connections()).toBe(0);
});

it('is followed five times, or as often as the caller says, and the sixth is refused', async () => {
  answer = ({ path }) => ({ status: 302, headers: { location: `${path}x` } });
  expect((await refusalOf(client().request({ url: first.url }))).code).toBe('REDIRECT_REFUSED');
  expect(first.received.map(({ path }) => path)).toEqual(['/', '/x', '/xx', '/xxx', '/xxxx', '/xxxxx']);
  const once = client().request({ url: first.url, maxRedirects: 0 });
  expect((await refusalOf(once)).code).toBe('REDIRECT_REFUSED');
  expect(first.received).toHaveLength(7);
});

it('takes credentials to the same origin, and to no other', async () => {
  const headers = {
    Authorization: 'Bearer secret',
    Cookie: 'a=b',
    'X-Api-Key': 'secret',
    Accept: 'application/json',
    'Content-Type': 'text/plain',
  };
  to('/there', 307);
  await client().request({ url: first.url, headers });
  expect(first.received[1]?.headers).toMatchObject({ authorization: 'Bearer secret', 'x-api-key': 'secret' });
  to(`${other.url}/there`, 307);
  await client().request({ url: first.url, headers });
  const sent = other.received[0]?.headers ?? {};
  expect(sent).toMatchObject({ accept: 'application/json', 'content-type': 'text/plain', host: other.host });
  expect(JSON.stringify(sent)).not.toMatch(/secret|a=b/);
});

describe('by its status', () => {
  it.each([
    ['POST', 301, 'GET', ''],
    ['POST', 302, 'GET', ''],
    ['POST', 303, 'GET', ''],
    ['PUT', 301, 'PUT', 'body'],
    ['PUT', 303, 'GET', ''],
    ['DELETE', 302, 'DELETE', 'body'],
    ['POST', 307, 'POST', 'body'],
    ['POST', 308, 'POST', 'body'],
    ['PATCH', 308, 'PATCH', 'body'],
  ])('makes of a %s with %i a %s', async (method, status, becomes, body) => {
    to(`${other.url}/`, status);
    const headers = { 'content-type': 'text/plain' };
    await client().request({ url: first.url, method, body: 'body', headers });
    const [seen] = other.received;
    expect([seen?.method, seen?.body]).toEqual([becomes, body]);
    expect(seen?.headers['content-type']).toBe(body === '' ? undefined : 'text/plain');
  });

  it('is none where there is no place to go, or the status is another', async () => {
    answer = () => ({ status: 304, headers: { location: inner.url } });
    expect((await client().request({ url: first.url })).status).toBe(304);
    answer = () => ({ status: 302, body: 'nowhere' });
    expect((await client().request({ url: first.url })).body.toString()).toBe('nowhere');
    answer = () => ({ status: 201, headers: { location: inner.url } });
    expect((await client().request({ url: first.url })).status).toBe(201);
    expect(inner.connections()).toBe(0);
  });
});

it('never leads from https to http', () => {
  const hop = { url: new URL('https://example.com/'), method: 'GET', headers: {}, body: undefined };
  expect(() => redirectOf(hop, 302, 'http://example.com/')).toThrow('from https to http');
  expect(redirectOf(hop, 302, '//example.org/')?.url.href).toBe('https://example.org/');
  const plain = { ...hop, url: new URL('http://example.com/') };
  expect(redirectOf(plain, 302, 'https://example.com/')?.url.protocol).toBe('https:');
});
