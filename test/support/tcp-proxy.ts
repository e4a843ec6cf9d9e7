import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** A port before another one, with a network in between that fails when it is told to. */
export type TcpProxy = {
  port: number;
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** The way to the same place by this proxy. */
  through(url: string): string;
  /** How many connections there have been. */
  count(): number;
  /** Breaks off what is connected (RST, as a process that is killed); new connections are served. */
  cut(): void;
  /**
   * From now on takes what is sent, the end included, and hands nothing on: on connections that are there and on new
   * ones. So looks a peer that is gone without a word.
   */
  swallow(): void;
  /** Refuses new connections and breaks off what is connected. */
  refuse(): void;
  /** Serves new connections again, at another port where one is given. Those that lost bytes stay as they are. */
  restore(to?: number): void;
  /** Resolves when the next connection is taken. */
  connected(): Promise<void>;
  close(): Promise<void>;
};

type Mode = 'open' | 'swallowing' | 'refusing';
type Pair = { client: Socket; upstream: Socket; isSwallowed: boolean };

/** @param target a port of 127.0.0.1, or a URL with host and port */
export async function startTcpProxy(target: number | string): Promise<TcpProxy> {
  const { hostname, port: targetPort } = new URL(
    typeof target === 'number' ? `tcp://127.0.0.1:${target}` : target,
  );
  const pairs = new Set<Pair>();
  let to = Number(targetPort);
  let mode: Mode = 'open';
  let count = 0;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    count += 1;
    server.emit('taken');
    if (mode === 'refusing') return void client.resetAndDestroy();
    const upstream = dial({ host: hostname, port: to, allowHalfOpen: true, noDelay: true });
    const pair: Pair = { client, upstream, isSwallowed: false };
    pairs.add(pair);
    join(pair);
    if (mode === 'swallowing') swallowOf(pair);
    client.once('close', () => pairs.delete(pair));
  });

  function cut(): void {
    for (const { client, upstream } of pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
    pairs.clear();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    through(url) {
      const way = new URL(url);
      way.hostname = '127.0.0.1';
      way.port = String(port);
      return way.href;
    },
    count: () => count,
    cut,
    swallow() {
      mode = 'swallowing';
      for (const pair of pairs) swallowOf(pair);
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

function join(pair: Pair): void {
  const { client, upstream } = pair;
  client.pipe(upstream);
  upstream.pipe(client);
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.on('error', () => {});
    socket.once('close', () => {
      if (!pair.isSwallowed) other.destroy();
    });
  }
}

function swallowOf(pair: Pair): void {
  pair.isSwallowed = true;
  pair.client.unpipe(pair.upstream).resume();
  pair.upstream.unpipe(pair.client).resume();
}
