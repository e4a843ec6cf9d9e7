import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { listen } from '../../src/app/listen.ts';

it('answers for its life and nothing else until there is something to serve', async () => {
  const { server, port, serve } = await listen('127.0.0.1', 0);
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  expect((await get('/health/live')).status).toBe(200);
  expect((await get('/health/ready')).status).toBe(503);
  serve((_, response) => response.end('up'));
  expect(await (await get('/')).text()).toBe('up');
  server.closeAllConnections();
  server.close();
});

it('names the remedy when the port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await expect(listen('127.0.0.1', port)).rejects.toThrow(`Port ${port} is taken: set PORT`);
  other.close();
});

it('names the remedy when the address is not of this machine', async () => {
  await expect(listen('192.0.2.1', 0)).rejects.toThrow('set HOST');
});
