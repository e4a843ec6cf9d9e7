import { once } from 'node:events';
import { connect } from 'node:net';

/** Where a client stops to make haste: before its first byte, within its headers, or within its body. */
export const SLOW_PARTS = ['nothing', 'headers', 'body'] as const;
export type SlowPart = (typeof SLOW_PARTS)[number];

export type SlowEnd = {
  /** How long the server bore it, in milliseconds. */
  after: number;
  /** What it said; a client that goes on sending may not get to read it. */
  answer: string;
};

const HEAD = [
  'POST /graphql HTTP/1.1',
  'Host: localhost',
  'Content-Type: application/json',
  'Content-Length: 100000',
];

/** Sends a byte of a request now and then, until the server cuts the connection. */
export async function sendSlowly(url: string, part: SlowPart, everyMs: number): Promise<SlowEnd> {
  const { hostname, port } = new URL(url);
  const connection = connect(Number(port), hostname);
  connection.on('error', () => {});
  let answer = '';
  connection.on('data', (chunk) => {
    answer += String(chunk);
  });
  await once(connection, 'connect');
  const started = performance.now();
  if (part === 'body') connection.write(`${HEAD.join('\r\n')}\r\n\r\n`);
  if (part === 'headers') connection.write(`${HEAD[0]}\r\nX-Long: `);
  const trickle = part === 'nothing' ? undefined : setInterval(() => connection.write('x'), everyMs);
  await new Promise((resolve) => connection.once('close', resolve));
  clearInterval(trickle);
  return { after: performance.now() - started, answer };
}
