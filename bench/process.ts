import { once } from 'node:events';
import type { Server } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { rememberTokens } from '../src/platform/auth/remember-tokens.ts';
import { createTokenVerifier, type VerifyToken } from '../src/platform/auth/verify-token.ts';

/** What `servers.ts` starts every server with. */
export type ProcessOptions = { url: string; poolSize: number; verify: VerifyToken; rest: string[] };

/** Bytes: of the process, of JavaScript's objects, and of buffers outside its heap. */
export type Memory = { rss: number; heapUsed: number; external: number };

/** Seconds of a core, in the program and in the kernel for it. */
export type CpuTimes = { user: number; kernel: number };

const COLLECTIONS = 3;

/** Every side checks tokens with the same code, so that only what is compared differs. */
export function processOptions(): ProcessOptions {
  const [url = '', poolSize = '', secret = '', ...rest] = process.argv.slice(2);
  const verify = rememberTokens(createTokenVerifier({ secret, audience: 'authenticated' }));
  return { url, poolSize: Number(poolSize), verify, rest };
}

/** Tells its parent the port once it listens, and its CPU seconds so far or its memory whenever it is asked. */
export async function underLoad(server: Server): Promise<void> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  process.send?.(server.address());
  process.on('message', async (asked) => process.send?.(asked === 'memory' ? await memory() : cpuTimes()));
  process.on('disconnect', () => process.exit());
}

function cpuTimes(): CpuTimes {
  const { user, system } = process.cpuUsage();
  return { user: user / 1e6, kernel: system / 1e6 };
}

/** More than once, because what waits for a finalizer, or a socket that is being closed, goes in a later turn. */
async function memory(): Promise<Memory> {
  for (let turn = 0; turn < COLLECTIONS; turn += 1) {
    globalThis.gc?.();
    await setImmediate();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}
