import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// biome-ignore lint/suspicious/noExplicitAny: what was sent is the test's to know.
export type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: any };

export type HttpReceiver = {
  url: string;
  port: number;
  received: Received[];
  /** How the next requests are answered; default: 200. */
  answer(respond: (response: ServerResponse) => void): void;
  close(): Promise<void>;
};

/** An HTTP server that keeps the JSON that is posted to it. */
export async function startHttpReceiver(): Promise<HttpReceiver> {
  const received: Received[] = [];
  let respond = (response: ServerResponse): void => {
    response.end('ok');
  };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { method = '', url = '', headers } = request;
    received.push({ method, path: url, headers, body: JSON.parse(text) });
    respond(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    answer(how) {
      respond = how;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
