import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { Frame, operationId } from '../../../src/graphql/live/frame.ts';
import { Outlets } from '../../../src/graphql/live/outlet.ts';
import { LiveStats } from '../../../src/platform/live/stats.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { decodeFrame } from '../../support/websocket-frames.ts';

const WATCHERS = 12;
const FRAMES = 2_000;
/** More than a kernel holds for a client that does not read. */
const TEXT = 'x'.repeat(4_000);
const HOST = 'localhost';

/** A server's end of a connection, and its client. */
type Connection = { outgoing: Socket; client: Socket };

let server: Server;
const connections: Connection[] = [];
afterEach(() => {
  for (const { outgoing, client } of connections.splice(0)) {
    outgoing.destroy();
    client.destroy();
  }
  server.close();
});

function plain() {
  server = createServer();
  return connectAll('connection', (port) => connect(port, HOST));
}

function encrypted() {
  const { key, cert } = makeCertificate(HOST);
  server = createTlsServer({ key, cert });
  return connectAll('secureConnection', (port) => connectTls({ port, host: HOST, ca: cert }));
}

async function connectAll(event: string, open: (port: number) => Socket): Promise<void> {
  await once(server.listen(0, HOST), 'listening');
  const { port } = server.address() as AddressInfo;
  for (let i = 0; i < WATCHERS; i += 1) {
    const client = open(port);
    const [outgoing] = await once(server, event);
    connections.push({ outgoing, client });
  }
}

/** So many messages that a client receives. */
async function received(client: Socket): Promise<unknown[]> {
  const messages: unknown[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of client) {
    bytes = Buffer.concat([bytes, chunk]);
    for (let next = decodeFrame(bytes); next; next = decodeFrame(bytes)) {
      messages.push(JSON.parse(next.frame.payload.toString()));
      bytes = next.rest;
    }
    if (messages.length === FRAMES) break;
  }
  return messages;
}

function allTo(id: string): unknown[] {
  return Array.from({ length: FRAMES }, (_, i) => ({
    id,
    type: 'next',
    payload: { seq: i + 1, text: TEXT },
  }));
}

it.each([
  ['plain', plain],
  ['encrypted', encrypted],
])('over %s connections each is sent its own id, however late some read', async (_which, connectThem) => {
  await connectThem();
  const outlets = new Outlets({ maxBufferedBytes: Infinity, stalledMs: 60_000 }, new LiveStats());
  const watchers = connections.map((connection, at) => ({
    ...connection,
    // Of two lengths, and of the first two the same.
    id: `watcher ${Math.max(1, at)}`,
    isLate: at % 2 === 1,
    outlet: outlets.open(connection.outgoing, () => expect.unreachable('it has the whole minute')),
  }));
  const [late, early] = [watchers.filter(({ isLate }) => isLate), watchers.filter(({ isLate }) => !isLate)];
  const operations = watchers.map(({ id, outlet }) => ({ operation: operationId(id), outlet }));
  const toEarly = early.map(({ client }) => received(client));
  for (let seq = 1; seq <= FRAMES; seq += 1) {
    const frame = new Frame(JSON.stringify({ seq, text: TEXT }));
    for (const { operation, outlet } of operations) frame.sendOverSocket(operation, outlet);
    // Those who read make room in between, for some of what comes next.
    if (seq % 10 === 0) await new Promise(setImmediate);
  }
  for (const { outgoing } of late) expect(outgoing.writableLength).toBeGreaterThan(0);
  const toLate = late.map(({ client }) => received(client));
  const messages = await Promise.all([...toEarly, ...toLate]);
  for (const [at, { id }] of [...early, ...late].entries()) expect(messages[at]).toEqual(allTo(id));
  outlets.close();
});
