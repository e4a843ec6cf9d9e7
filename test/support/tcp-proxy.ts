import { connect, createServer, type Socket } from 'node:net';

export type TcpProxy = {
  /** The way to the same place by this proxy. */
  through(url: string): string;
  /** Breaks every connection off, with a reset on both sides. */
  cut(): void;
  /**
   * From now on takes what is sent, the end included, and hands nothing on: on connections that are there and on new
   * ones. So looks a peer that is gone without a word.
   */
  swallow(): void;
  /** Serves new connections again. Those that lost bytes stay as they are. */
  restore(): void;
  close(): Promise<void>;
};

type Pair = { client: Socket; upstream: Socket; isSwallowed: boolean };

/** A proxy in front of a server, on a free port of 127.0.0.1. @param target a URL with its host and port */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  let isSwallowing = false;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    const pair: Pair = { client, upstream, isSwallowed: false };
    pairs.add(pair);
    join(pair);
    if (isSwallowing) swallowOf(pair);
    client.once('close', () => pairs.delete(pair));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();

  return {
    through(url) {
      const way = new URL(url);
      way.hostname = '127.0.0.1';
      way.port = String(typeof address === 'object' ? address?.port : '');
      return way.href;
    },
    cut() {
      for (const { client, upstream } of pairs) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
    },
    swallow() {
      isSwallowing = true;
      for (const pair of pairs) swallowOf(pair);
    },
    restore() {
      isSwallowing = false;
    },
    close: () =>
      new Promise((resolve) => {
        for (const { client, upstream } of pairs) {
          client.destroy();
          upstream.destroy();
        }
        server.close(() => resolve());
      }),
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
