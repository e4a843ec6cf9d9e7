import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createKeepAlive, type KeepAlive, type Kept } from '../../src/graphql/keep-alive.ts';
import { type FrameClient, openFrames } from '../support/frame-client.ts';
import { OPCODES } from '../support/websocket-frames.ts';

const server = createServer();
const sockets = new WebSocketServer({ server, path: '/graphql' });
let keepAlive: KeepAlive<Kept>;
let url: string;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  keepAlive = createKeepAlive(({ socket }) => socket.terminate(), 240);
});
afterAll(() => {
  keepAlive.stop();
  sockets.close();
  server.close();
});

const outletThat = (isReady: boolean) => ({ isReady, whenReady: vi.fn() });

/** A socket that is kept alive, as its client and as its server see it. */
async function kept(outlet = outletThat(true)): Promise<{ client: FrameClient; socket: WebSocket }> {
  const connected = once(sockets, 'connection');
  const client = await openFrames(url);
  const [socket] = (await connected) as [WebSocket];
  keepAlive.add({ socket, outlet });
  return { client, socket };
}

it('pings a socket again and again while it answers', async () => {
  const { client } = await kept();
  for (let round = 0; round < 3; round += 1) {
    expect((await client.nextFrame()).opcode).toBe(OPCODES.ping);
    client.frame(OPCODES.pong);
  }
  client.destroy();
});

it('ends a socket that has not answered by its next turn, and none that has', async () => {
  const [silent, alive] = [await kept(), await kept()];
  const over = once(silent.socket, 'close');
  expect((await silent.client.nextFrame()).opcode).toBe(OPCODES.ping);
  for (let round = 0; round < 2; round += 1) {
    await alive.client.nextFrame();
    alive.client.frame(OPCODES.pong);
  }
  expect((await over)[0]).toBe(1006);
  await silent.client.ended;
  expect(alive.socket.readyState).toBe(alive.socket.OPEN);
  alive.client.destroy();
});

it('lets a socket be to which bytes wait to be sent, behind which a ping would wait as well', async () => {
  const outlet = outletThat(false);
  const [full, other] = [await kept(outlet), await kept()];
  for (let round = 0; round < 3; round += 1) {
    await other.client.nextFrame();
    other.client.frame(OPCODES.pong);
  }
  expect(full.socket.readyState).toBe(full.socket.OPEN);
  // Nothing is followed on it, and so nobody else would close it if its client never read again.
  expect(outlet.whenReady).toHaveBeenCalled();
  outlet.isReady = true;
  expect((await full.client.nextFrame()).opcode).toBe(OPCODES.ping);
  full.client.destroy();
  other.client.destroy();
});
