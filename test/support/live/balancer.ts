import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Balancer = { url: string; close(): Promise<void> };

/**
 * A load balancer of TCP connections: each goes to the next backend in turn, and where that refuses to the one after
 * it. It knows nothing of their health, and what breaks on one side breaks on the other at once.
 *
 * @param ports of the backends now; asked for with every connection
 */
export async function startBalancer(ports: () => readonly number[]): Promise<Balancer> {
  const open = new Set<Socket>();
  let turn = 0;

  async function serve(client: Socket): Promise<void> {
    track(client);
    turn += 1;
    const backends = ports();
    for (const [i] of backends.entries()) {
      const upstream = await reach(backends[(turn + i) % backends.length] ?? 0);
      if (upstream === undefined) continue;
      track(upstream);
      join(client, upstream);
      return;
    }
    client.destroy();
  }

  function track(socket: Socket): void {
    open.add(socket);
    // What is wrong shows as a close.
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
  }

  const server = createServer({ noDelay: true }, (client) => void serve(client));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Undefined where it refuses. */
async function reach(port: number): Promise<Socket | undefined> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    return undefined;
  }
}

function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  one.once('close', () => other.destroy());
  other.once('close', () => one.destroy());
  // It may have gone while the backend was reached.
  if (one.destroyed) other.destroy();
}
