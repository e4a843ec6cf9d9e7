import { connect } from 'node:net';

export type Load = { port: number; connections: number; seconds: number; requests: readonly Request[] };
/** What one request asks, and with whose token. */
export type Request = { token: string; json: string };

/**
 * Requests a second over keep-alive connections, each sending the next request when it has the answer. Written on bare
 * sockets: a full HTTP client took as much of the two cores as the server under test.
 *
 * @throws on an answer that is not 200 or holds GraphQL errors
 */
export async function requestsPerSecond(load: Load): Promise<{ count: number; rate: number }> {
  const texts = load.requests.map(requestText);
  const started = performance.now();
  const end = started + load.seconds * 1000;
  const counts = await Promise.all(
    Array.from({ length: load.connections }, (_, index) => drive(load.port, texts, index, end)),
  );
  const count = counts.reduce((sum, part) => sum + part, 0);
  return { count, rate: count / ((performance.now() - started) / 1000) };
}

/** The body of the answer to one request. */
export async function answerTo(port: number, { token, json }: Request): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: json,
  });
  return await response.text();
}

function drive(port: number, texts: readonly string[], first: number, end: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    let count = 0;
    let received = '';
    const send = () => socket.write(texts[(first * 7 + count) % texts.length] ?? '');
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

function requestText({ token, json }: Request): string {
  const head = [
    'POST /graphql HTTP/1.1',
    'host: 127.0.0.1',
    'content-type: application/json',
    'accept: application/json',
    `authorization: Bearer ${token}`,
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
