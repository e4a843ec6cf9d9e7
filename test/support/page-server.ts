import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { temporaryFolder } from './temporary-folder.ts';

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };

export type PageServer = { url: string; close(): Promise<void> };

/** Bundles a page of test/fixtures as whoever uses the package would, and serves it at an origin of its own. */
export async function servePage(name: string): Promise<PageServer> {
  const folder = await temporaryFolder('page');
  await build({
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)),
    build: { outDir: folder, emptyOutDir: true, minify: false },
  });
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://page');
    const file = pathname === '/' ? '/index.html' : pathname;
    readFile(join(folder, file)).then(
      (content) => response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain').end(content),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true });
    },
  };
}
