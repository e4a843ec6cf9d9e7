import { once } from 'node:events';
import { createServer } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/platform/outbound/body.ts';
import { fetchThrough } from '../../../src/platform/outbound/fetch.ts';
import { type Answer, type Receiver, startRawReceiver, startReceiver } from '../../support/receiver.ts';
import { outboundTo, refusalOf } from './support.ts';

let receiver: Receiver;
afterEach(() => receiver.close());
const answering = async (answer: Answer) => {
  receiver = await startReceiver(() => answer);
  return outboundTo([receiver.host]);
};
const MEGABYTE = 1_048_576;

describe('a response', () => {
  it('comes with its status, its headers and its body as bytes', async () => {
    const outbound = await answering({ status: 418, headers: { 'x-a': 'b' }, body: Buffer.from([0, 255]) });
    const { status, headers, body } = await outbound.request({ url: receiver.url });
    expect([status, headers['x-a'], [...body]]).toEqual([418, 'b', [0, 255]]);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
  ])('is decompressed from %s', async (encoding, compress) => {
    const outbound = await answering({
      headers: { 'content-encoding': encoding },
      body: compress('as it was'),
    });
    expect((await outbound.request({ url: receiver.url })).body.toString()).toBe('as it was');
  });

  it('may hold a megabyte, and not a byte more', async () => {
    const outbound = await answering({ body: Buffer.alloc(MEGABYTE) });
    expect((await outbound.request({ url: receiver.url })).body).toHaveLength(MEGABYTE);
    await receiver.close();
    const larger = await answering({ body: Buffer.alloc(MEGABYTE + 1) });
    expect((await refusalOf(larger.request({ url: receiver.url }))).code).toBe('TOO_LARGE');
  });

  it.each([
    ['once', 'gzip', gzipSync],
    ['twice', 'gzip, gzip', (bytes: Buffer) => gzipSync(gzipSync(bytes))],
    ['by br', 'br', brotliCompressSync],
  ])('that was compressed %s from 200 megabytes ends at the limit', async (_how, encoding, compress) => {
    const bomb = compress(Buffer.alloc(200 * MEGABYTE));
    const outbound = await answering({ headers: { 'content-encoding': encoding }, body: bomb });
    const before = process.memoryUsage().rss;
    expect((await refusalOf(outbound.request({ url: receiver.url }))).code).toBe('TOO_LARGE');
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * MEGABYTE);
  });

  it.each([
    ['is not compressed as it says', { 'content-encoding': 'gzip' }, Buffer.from('no gzip')],
    ['ends in the middle', { 'content-encoding': 'gzip' }, gzipSync('x'.repeat(1_000)).subarray(0, 20)],
    ['is compressed three times', { 'content-encoding': 'gzip,gzip,gzip' }, gzipSync('x')],
  ])('that %s is told as that', async (_how, headers, body) => {
    const outbound = await answering({ headers, body });
    expect((await refusalOf(outbound.request({ url: receiver.url }))).code).toBe('RESPONSE_INVALID');
  });

  it('that is none of HTTP is told as that', async () => {
    const server = createServer((socket) => {
      socket.once('data', () => socket.write('SSH-2.0-OpenSSH_9.6\r\n\r\n')).on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    receiver = { close: async () => void server.close() } as Receiver;
    const outbound = outboundTo([`127.0.0.1:${port}`]);
    const { code, message } = await refusalOf(outbound.request({ url: `http://127.0.0.1:${port}/` }));
    expect(code).toBe('RESPONSE_INVALID');
    expect(message).not.toContain('OpenSSH');
  });
});

describe('the time', () => {
  it('is up for a server that says nothing', async () => {
    receiver = await startRawReceiver(() => {});
    const outbound = outboundTo([receiver.host]);
    const { code } = await refusalOf(outbound.request({ url: receiver.url, timeoutMs: 100 }));
    expect(code).toBe('TIMEOUT');
  });

  it('is up for a body that comes a byte at a time, however it goes on', async () => {
    let dripping: NodeJS.Timeout | undefined;
    let ended: Promise<unknown> | undefined;
    receiver = await startRawReceiver((_request, response) => {
      ended = once(response, 'close');
      dripping = setInterval(() => response.write('.'), 5);
    });
    const outbound = outboundTo([receiver.host]);
    const { code } = await refusalOf(outbound.request({ url: receiver.url, timeoutMs: 150 }));
    expect(code).toBe('TIMEOUT');
    await ended;
    clearInterval(dripping);
  });

  it('is up for a stream that nobody reads, which fails when it is read', async () => {
    let ended: Promise<unknown> | undefined;
    receiver = await startRawReceiver((_request, response) => {
      ended = once(response, 'close');
      response.write('begun');
    });
    const { body } = await outboundTo([receiver.host]).stream({ url: receiver.url, timeoutMs: 50 });
    await ended;
    expect((await refusalOf(bytesOf(body))).code).toBe('TIMEOUT');
  });

  it('is the caller’s to end: the request rejects with his reason, and the connection closes', async () => {
    const stop = new AbortController();
    const reason = new Error('cancelled');
    let closed: Promise<unknown> | undefined;
    receiver = await startRawReceiver((request) => {
      closed = once(request.socket, 'close');
      stop.abort(reason);
    });
    const request = outboundTo([receiver.host]).request({ url: receiver.url, signal: stop.signal });
    expect(await request.catch((error: unknown) => error)).toBe(reason);
    await closed;
  });
});

describe('a request', () => {
  it('says who asks, unless the caller does, and nothing of proxies that the environment names', async () => {
    const proxy = await startReceiver();
    const outbound = await answering({});
    const names = ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => [name, process.env[name]] as const);
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : proxy.url;
    try {
      await outbound.request({ url: receiver.url });
      await outbound.request({ url: receiver.url, headers: { 'User-Agent': 'Mine' } });
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect(receiver.received.map(({ headers }) => headers['user-agent'])).toEqual(['Runcast', 'Mine']);
    expect(proxy.connections()).toBe(0);
    await proxy.close();
  });

  it.each([
    ...[{ Host: 'other.example' }, { 'Content-Length': '5' }, { 'Transfer-Encoding': 'chunked' }],
    ...[{ Connection: 'upgrade' }, { Upgrade: 'h2c' }, { 'Proxy-Authorization': 'x' }, { 'bad name': 'x' }],
    ...[{ 'x-a': 'line\r\nx-b: injected' }, { 'x-a': 'half\n' }, { 'x-a': '\u2028' }],
  ])('may not say %j', async (headers) => {
    const outbound = await answering({});
    const request = outbound.request({
      url: receiver.url,
      headers: { ...headers } as Record<string, string>,
    });
    expect((await refusalOf(request)).code).toBe('HEADER_REFUSED');
    expect(receiver.connections()).toBe(0);
  });

  it.each(['CONNECT', 'TRACE', 'get', 'GET / HTTP/1.1\r\nx: y'])('has no method %j', async (method) => {
    const outbound = await answering({});
    expect((await refusalOf(outbound.request({ url: receiver.url, method }))).code).toBe('URL_REFUSED');
    expect(receiver.connections()).toBe(0);
  });

  it('over another’s connection never goes', async () => {
    const outbound = await answering({});
    await outbound.request({ url: receiver.url });
    await outbound.request({ url: receiver.url });
    expect(receiver.connections()).toBe(2);
  });

  it('to a port where nobody listens fails by the host that was asked for', async () => {
    const outbound = await answering({});
    const gone = receiver.host;
    await receiver.close();
    const { code, message } = await refusalOf(outbound.request({ url: `http://${gone}/` }));
    expect([code, message]).toEqual([
      'CONNECTION_FAILED',
      'The connection to 127.0.0.1 failed (ECONNREFUSED).',
    ]);
  });
});

describe('in the shape of fetch', () => {
  it('sends what it is given and streams the answer', async () => {
    receiver = await startReceiver(({ body, method, headers }) => ({
      status: 201,
      headers: {
        'content-encoding': 'gzip',
        'content-type': 'application/json',
        'set-cookie': ['a=1', 'b=2'],
      },
      body: gzipSync(JSON.stringify({ body, method, type: headers['content-type'] })),
    }));
    const call = fetchThrough(outboundTo([receiver.host]));
    const response = await call(`${receiver.url}/x`, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(201);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.json()).toEqual({ body: '{"a":1}', method: 'POST', type: 'application/json' });
  });

  it('has no body where there is none, and is held to the limits', async () => {
    const outbound = await answering({ status: 204 });
    expect((await fetchThrough(outbound)(receiver.url)).body).toBeNull();
    const held = fetchThrough(outbound, { hosts: { allowed: ['example.com'] } });
    expect((await refusalOf(held(receiver.url))).code).toBe('HOST_REFUSED');
  });

  it('tells of a stream that grows too long while it is read', async () => {
    const outbound = await answering({ body: 'x'.repeat(10_000) });
    const response = await fetchThrough(outbound, { maxBytes: 5_000 })(receiver.url);
    expect((await refusalOf(response.text())).code).toBe('TOO_LARGE');
  });
});
