import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** A port before another one, with a network in between that fails when it is told to. */
export type TcpProxy = {
  port: number;
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** How many connections there have been. */
  count(): number;
  /** Breaks off what is connected (RST, as a process that is killed); new connections are served. */
  cut(): void;
  /** Swallows every byte, of what is connected and what comes; nothing is closed. */
  blackHole(): void;
  /** Refuses new connections and breaks off what is connected. */
  refuse(): void;
  /** Serves new connections again, at another port where one is given. What the black hole holds stays there. */
  restore(to?: number): void;
  /** Resolves when the next connection is taken. */
  connected(): Promise<void>;
  close(): Promise<void>;
};

type Mode = 'open' | 'black hole' | 'refusing';

export async function startTcpProxy(target: number | string): Promise<TcpProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let to = typeof target === 'number' ? target : Number(new URL(target).port);
  let mode: Mode = 'open';
  let count = 0;

  const server = createServer((inner) => {
    count += 1;
    server.emit('taken');
    if (mode === 'refusing') return void inner.resetAndDestroy();
    const outer = dial(to, '127.0.0.1');
    const pair: [Socket, Socket] = [inner, outer];
    pairs.add(pair);
    for (const [socket, other] of [pair, [outer, inner] as const]) {
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.once('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
    if (mode === 'open') inner.pipe(outer).pipe(inner);
    else swallow(pair);
  });

  function cut(): void {
    for (const [inner, outer] of pairs) {
      inner.resetAndDestroy();
      outer.destroy();
    }
    pairs.clear();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    count: () => count,
    cut,
    blackHole() {
      mode = 'black hole';
      for (const pair of pairs) swallow(pair);
    },
    refuse() {
      mode = 'refusing';
      cut();
    },
    restore(other = to) {
      to = other;
      mode = 'open';
    },
    connected: async () => void (await once(server, 'taken')),
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

function swallow(pair: [Socket, Socket]): void {
  for (const socket of pair) {
    socket.unpipe();
    socket.removeAllListeners('data');
    socket.resume();
  }
}
