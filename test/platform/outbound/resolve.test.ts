import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createResolve } from '../../../src/platform/outbound/resolve.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { outboundTo, refusalOf } from './support.ts';

const A = 1;
const AAAA = 28;

/** Answers every name with these addresses, and keeps what it was asked; says nothing at all to names in `silent.example`. */
async function startNameServer(addresses: { [A]: number[][]; [AAAA]: number[][] }) {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, { port, address }) => {
    let end = 12;
    const labels: string[] = [];
    for (let length = query[end] ?? 0; length > 0; length = query[end] ?? 0) {
      labels.push(query.subarray(end + 1, end + 1 + length).toString());
      end += length + 1;
    }
    const name = labels.join('.');
    const type = query.readUInt16BE(end + 1);
    asked.push(name);
    if (name.endsWith('silent.example')) return;
    const answers = type === A || type === AAAA ? addresses[type] : [];
    const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, answers.length, 0, 0, 0, 0]);
    const records = answers.map((bytes) =>
      Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]),
    );
    socket.send(Buffer.concat([head, query.subarray(12, end + 5), ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { asked, server: `127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}

let names: Awaited<ReturnType<typeof startNameServer>>;
let receiver: Receiver;
beforeAll(async () => {
  names = await startNameServer({ [A]: [[127, 0, 0, 2]], [AAAA]: [] });
  receiver = await startReceiver(undefined, { host: '127.0.0.2' });
});
afterAll(async () => {
  names.close();
  await receiver.close();
});

it('asks the name servers for both kinds of addresses', async () => {
  const both = await startNameServer({ [A]: [[1, 2, 3, 4]], [AAAA]: [[0x2a, ...Array(14).fill(0), 1]] });
  const { signal } = new AbortController();
  const resolve = createResolve([both.server]);
  expect(await resolve('a.example', { isNamed: false, signal })).toEqual(['1.2.3.4', '2a00::1']);
  both.close();
});

it('leads a request to where the name server says, if that is allowed', async () => {
  const resolve = createResolve([names.server]);
  const url = `http://a.example:${receiver.port}/`;
  expect((await outboundTo(['127.0.0.2/32'], { resolve }).request({ url })).status).toBe(200);
  expect(receiver.received[0]?.headers.host).toBe(`a.example:${receiver.port}`);
  expect((await refusalOf(outboundTo([], { resolve }).request({ url }))).code).toBe('ADDRESS_REFUSED');
  expect(receiver.connections()).toBe(1);
});

it('takes the system’s word for names that an operator allowed, and asks no name server', async () => {
  const before = names.asked.length;
  const resolve = createResolve([names.server]);
  const { signal } = new AbortController();
  expect(await resolve('localhost', { isNamed: true, signal })).toContain('127.0.0.1');
  expect(names.asked).toHaveLength(before);
});

it('gives up a name server that is silent as soon as the caller does', async () => {
  const stop = new AbortController();
  const resolve = createResolve([names.server])('a.silent.example', { isNamed: false, signal: stop.signal });
  stop.abort();
  expect(await resolve).toEqual([]);
});
