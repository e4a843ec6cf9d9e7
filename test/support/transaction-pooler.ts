import { connect, createServer, type Socket } from 'node:net';

/** A connection to Postgres, and the client whose transaction it is in. */
type ServerConnection = { socket: Socket; busyFor: Socket | undefined };

export type TransactionPooler = { url: string; close(): Promise<void> };

const READY_FOR_QUERY = 'Z'.charCodeAt(0);
const IDLE = 'I'.charCodeAt(0);
const TERMINATE = 'X'.charCodeAt(0);
const SSL_REQUEST = 80_877_103;

/**
 * A real transaction-pooling proxy in front of Postgres: a client gets a server connection for as long as a
 * transaction lasts (until ReadyForQuery says idle) and shares all of them with everybody else. Each client logs in
 * over a server connection of its own, which then joins the pool, newest used first, as PgBouncer has it.
 *
 * @param keep server connections kept in the pool; what logs in beyond them is closed
 */
export async function startTransactionPooler(databaseUrl: string, keep: number): Promise<TransactionPooler> {
  const target = new URL(databaseUrl);
  const pool: ServerConnection[] = [];
  const waiting: { client: Socket; message: Buffer }[] = [];
  const sockets = new Set<Socket>();

  const give = (connection: ServerConnection, client: Socket, message: Buffer) => {
    connection.busyFor = client;
    connection.socket.write(message);
  };
  const release = (connection: ServerConnection) => {
    connection.busyFor = undefined;
    pool.splice(0, pool.length, connection, ...pool.filter((other) => other !== connection));
    const next = waiting[0]?.client;
    const messages = waiting.filter(({ client }) => client === next);
    waiting.splice(0, waiting.length, ...waiting.filter(({ client }) => client !== next));
    for (const { client, message } of messages) give(connection, client, message);
  };
  const join = (connection: ServerConnection) => {
    if (pool.length < keep) release(connection);
    else connection.socket.destroy();
  };
  const send = (client: Socket, message: Buffer) => {
    const connection =
      pool.find(({ busyFor }) => busyFor === client) ?? pool.find(({ busyFor }) => busyFor === undefined);
    if (connection) give(connection, client, message);
    else waiting.push({ client, message });
  };

  const server = createServer((client) => {
    sockets.add(client);
    const upstream = connect(Number(target.port), target.hostname);
    sockets.add(upstream);
    const connection: ServerConnection = { socket: upstream, busyFor: client };
    let isLoggedIn = false;
    upstream.on('error', () => client.destroy());
    client.on('error', () => {});
    client.on('close', () => {
      // Nobody is left to end its transaction.
      const abandoned = pool.find(({ busyFor }) => busyFor === client);
      if (abandoned) pool.splice(pool.indexOf(abandoned), 1)[0]?.socket.destroy();
    });
    onMessages(upstream, false, (message) => {
      connection.busyFor?.write(message);
      if (message[0] !== READY_FOR_QUERY || message[5] !== IDLE) return;
      if (isLoggedIn) release(connection);
      else {
        isLoggedIn = true;
        join(connection);
      }
    });
    onMessages(client, true, (message) => {
      if (message.length === 8 && message.readUInt32BE(4) === SSL_REQUEST) client.write('N');
      else if (message[0] === TERMINATE) client.end();
      else if (isLoggedIn) send(client, message);
      else upstream.write(message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: url.href,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Cuts a stream into whole protocol messages. What a client sends first has no type byte. */
function onMessages(socket: Socket, fromClient: boolean, handle: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  let isTyped = !fromClient;
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const length = isTyped ? rest.readUInt32BE(1) + 1 : rest.readUInt32BE(0);
      if (rest.length < length) return;
      const message = rest.subarray(0, length);
      rest = rest.subarray(length);
      const isSslRequest = !isTyped && length === 8 && message.readUInt32BE(4) === SSL_REQUEST;
      if (!isSslRequest) isTyped = true;
      handle(message);
    }
  });
}
