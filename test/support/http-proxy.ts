import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

export type HttpProxy = { url: string; refused(): number; allowUpgrades(): void; close(): Promise<void> };

/** A proxy as in some offices: it hands requests on, streams too, and refuses WebSockets until it is told otherwise. */
export async function startHttpProxy(target: string): Promise<HttpProxy> {
  const { port: targetPort } = new URL(target);
  let isOpen = false;
  let refused = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url: path } = incoming;
    const onward = request({ host: '127.0.0.1', port: targetPort, method, headers, path }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.once('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on('upgrade', ({ method, url: path, rawHeaders }, socket) => {
    if (!isOpen) {
      refused += 1;
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    }
    const onward = connect(Number(targetPort), '127.0.0.1');
    const lines = [`${method} ${path} HTTP/1.1`];
    for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
    onward.write(`${lines.join('\r\n')}\r\n\r\n`);
    socket.pipe(onward).pipe(socket);
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused: () => refused,
    allowUpgrades() {
      isOpen = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
