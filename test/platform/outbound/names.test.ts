import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostLimits } from '../../../src/platform/outbound/host-patterns.ts';
import type { Resolve } from '../../../src/platform/outbound/resolve.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { outboundTo, refusalOf } from './support.ts';

/** Plays a machine on the public internet: this one address is allowed. Everything of 127.0.0.0/8 is this machine. */
const PUBLIC = '127.0.0.2';
let shown: Receiver;
let inner: Receiver;
beforeEach(async () => {
  inner = await startReceiver(() => ({ body: 'inner' }), { host: '127.0.0.1' });
  shown = await startReceiver(() => ({ body: 'shown' }), { host: PUBLIC, port: inner.port });
});
afterEach(async () => {
  await shown.close();
  await inner.close();
});

/** A name server that answers differently every time, the last answer for good. */
function answers(...all: string[][]): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = async (host) => {
    const answer = all[Math.min(asked.length, all.length - 1)] ?? [];
    asked.push(host);
    return answer;
  };
  return { resolve, asked };
}

describe('a name whose answer changes', () => {
  it('is connected to by the answer that was checked', async () => {
    const { resolve, asked } = answers([PUBLIC], ['127.0.0.1']);
    const outbound = outboundTo([`${PUBLIC}/32`], { resolve });
    const { body } = await outbound.request({ url: `http://rebind.example:${inner.port}/` });
    expect(body.toString()).toBe('shown');
    expect(asked).toEqual(['rebind.example']);
    expect([shown.connections(), inner.connections()]).toEqual([1, 0]);
  });

  it('is refused as soon as it leads inside, and tells no address', async () => {
    const { resolve } = answers([PUBLIC], ['127.0.0.1']);
    const outbound = outboundTo([`${PUBLIC}/32`], { resolve });
    const url = `http://rebind.example:${inner.port}/`;
    await outbound.request({ url });
    const { code, message } = await refusalOf(outbound.request({ url }));
    expect(code).toBe('ADDRESS_REFUSED');
    expect(message).not.toContain('127.0.0');
    expect(inner.connections()).toBe(0);
  });

  it('is looked up and checked again for every redirect', async () => {
    await shown.close();
    shown = await startReceiver(() => ({ status: 302, headers: { location: '/again' } }), {
      host: PUBLIC,
      port: inner.port,
    });
    const { resolve, asked } = answers([PUBLIC], ['127.0.0.1']);
    const outbound = outboundTo([`${PUBLIC}/32`], { resolve });
    const { code } = await refusalOf(outbound.request({ url: `http://rebind.example:${inner.port}/` }));
    expect(code).toBe('ADDRESS_REFUSED');
    expect(asked).toHaveLength(2);
    expect([shown.connections(), inner.connections()]).toEqual([1, 0]);
  });
});

it.each([
  ['beside a public one', [PUBLIC, '127.0.0.1']],
  ['before a public one', ['127.0.0.1', PUBLIC]],
  ['in the clothes of IPv6', ['::ffff:127.0.0.1']],
  ['of IPv6', ['::1']],
  ['of a link', ['fe80::1%lo']],
  ['of the metadata service', ['169.254.169.254']],
  ['that is no address', ['0x7f000001']],
])('a name with an address %s is refused', async (_how, addresses) => {
  const outbound = outboundTo([`${PUBLIC}/32`], { resolve: async () => addresses });
  const { code } = await refusalOf(outbound.request({ url: `http://a.example:${inner.port}/` }));
  expect(code).toBe('ADDRESS_REFUSED');
  expect([shown.connections(), inner.connections()]).toEqual([0, 0]);
});

it('tells of a name without an address that it was not found, however that showed', async () => {
  const failing: Resolve = async () => {
    throw new Error('queryA ENOTFOUND at 10.0.0.2');
  };
  for (const resolve of [failing, async () => []]) {
    const { code, message } = await refusalOf(
      outboundTo([], { resolve }).request({ url: 'http://nowhere.example/' }),
    );
    expect([code, message]).toEqual(['CONNECTION_FAILED', 'The host nowhere.example was not found.']);
  }
});

it('waits for a name server no longer than for anything else', async () => {
  const outbound = outboundTo([], { resolve: () => new Promise(() => undefined) });
  const { code } = await refusalOf(outbound.request({ url: 'http://slow.example/', timeoutMs: 50 }));
  expect(code).toBe('TIMEOUT');
});

describe('what an operator allows', () => {
  const resolve: Resolve = async () => ['127.0.0.1'];
  const reached = async (allowed: string[], url: string, ports: number[] = []) =>
    outboundTo(allowed, { resolve, ports })
      .request({ url })
      .then(
        ({ body }) => body.toString(),
        ({ code }) => code,
      );

  it('is a host by its name, whatever its addresses are', async () => {
    const url = `http://models.lan:${inner.port}/`;
    expect(await reached(['models.lan'], url)).toBe('inner');
    expect(await reached([`models.lan:${inner.port}`], url, [80])).toBe('inner');
    expect(await reached(['*.lan'], url)).toBe('inner');
    expect(await reached(['models.lan'], url, [80])).toBe('URL_REFUSED');
    expect(await reached(['models.lan:1'], url)).toBe('ADDRESS_REFUSED');
    expect(await reached(['other.lan', 'lan'], url)).toBe('ADDRESS_REFUSED');
  });

  it('is an address in whatever notation it is asked for, or a range of them', async () => {
    const hex = `http://0x7f000001:${inner.port}/`;
    expect(await reached(['127.0.0.1'], hex)).toBe('inner');
    expect(await reached([`127.0.0.1:${inner.port}`], hex, [443])).toBe('inner');
    expect(await reached(['127.0.0.0/8'], hex)).toBe('inner');
    expect(await reached(['127.0.0.0/8'], `http://models.lan:${inner.port}/`)).toBe('inner');
    expect(await reached(['10.0.0.0/8', '::/0'], hex)).toBe('ADDRESS_REFUSED');
  });

  it('by a wide range is never what platforms tell machines about themselves', async () => {
    for (const allowed of [['0.0.0.0/0', '::/0'], ['169.254.0.0/16']]) {
      expect(await reached(allowed, 'http://169.254.169.254/latest/meta-data/')).toBe('ADDRESS_REFUSED');
    }
  });
});

describe('hosts that a request is held to', () => {
  const resolve: Resolve = async () => [PUBLIC];
  const asked = async (host: string, hosts: HostLimits) =>
    outboundTo([`${PUBLIC}/32`], { resolve })
      .request({ url: `http://${host}:${inner.port}/`, hosts })
      .then(
        ({ status }) => status,
        ({ code }) => code,
      );

  it.each([
    ['api.example.com', { allowed: ['*.example.com'] }, 200],
    ['a.b.example.com', { allowed: ['*.example.com'] }, 200],
    ['API.Example.com.', { allowed: ['api.example.COM'] }, 200],
    ['example.com', { allowed: ['*.example.com'] }, 'HOST_REFUSED'],
    ['evilexample.com', { allowed: ['*.example.com', 'example.com'] }, 'HOST_REFUSED'],
    ['api.example.com.evil.org', { allowed: ['*.example.com'] }, 'HOST_REFUSED'],
    ['api.example.com', { allowed: [] }, 'HOST_REFUSED'],
    ['api.example.com', { blocked: ['*.example.com'] }, 'HOST_REFUSED'],
    ['api.example.com', { allowed: ['*.example.com'], blocked: ['api.example.com'] }, 'HOST_REFUSED'],
    ['example.com', { blocked: ['*.example.com'] }, 200],
  ] satisfies [string, HostLimits, unknown][])('%s under %j is %s', async (host, hosts, outcome) => {
    expect(await asked(host, hosts)).toBe(outcome);
    expect(shown.connections()).toBe(outcome === 200 ? 1 : 0);
  });
});
