import { connect } from 'node:net';

export type Load = {
  port: number;
  path: string;
  connections: number;
  seconds: number;
  bodies: readonly Body[];
};
/** What one request asks, and as whom. */
export type Body = { user: string; json: string };

/**
 * Requests a second over keep-alive connections, each sending the next request when it has the answer. Written on bare
 * sockets: a full HTTP client took as much of the two cores as the server under test.
 *
 * @throws on an answer that is not 200 or holds GraphQL errors
 */
export async function requestsPerSecond(load: Load): Promise<number> {
  const end = performance.now() + load.seconds * 1000;
  const started = performance.now();
  const counts = await Promise.all(
    Array.from({ length: load.connections }, (_, index) => drive(load, index, end)),
  );
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - started) / 1000);
}

function drive({ port, path, bodies }: Load, first: number, end: number): Promise<number> {
  const requests = bodies.map(({ user, json }) => requestText(path, user, json));
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    let count = 0;
    let received = '';
    const send = () => socket.write(requests[(first + count) % requests.length] ?? '');
    socket.on('connect', send);
    socket.on('error', reject);
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      received += text;
      if (!isComplete(received)) return;
      if (!received.startsWith('HTTP/1.1 200') || received.includes('"errors"')) {
        socket.destroy();
        return reject(new Error(`The server answered: ${received}`));
      }
      received = '';
      count += 1;
      if (performance.now() < end) return void send();
      socket.end();
      resolve(count);
    });
  });
}

function requestText(path: string, user: string, json: string): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'content-type: application/json',
    'accept: application/json',
    `x-user: ${user}`,
    `content-length: ${Buffer.byteLength(json)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${json}`;
}

function isComplete(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /content-length: (\d+)/i.exec(received.slice(0, headEnd))?.[1];
  if (length !== undefined) return received.length >= headEnd + 4 + Number(length);
  return received.endsWith('0\r\n\r\n');
}
