import { once } from 'node:events';
import type { Server } from 'node:http';
import { rememberTokens } from '../src/platform/auth/remember-tokens.ts';
import { createTokenVerifier, type VerifyToken } from '../src/platform/auth/verify-token.ts';

/** What `race.ts` starts every server with. */
export type ProcessOptions = { url: string; poolSize: number; verify: VerifyToken; rest: string[] };

/** Every side checks tokens with the same code, so that only what is compared differs. */
export function processOptions(): ProcessOptions {
  const [url = '', poolSize = '', secret = '', ...rest] = process.argv.slice(2);
  const verify = rememberTokens(createTokenVerifier({ secret, audience: 'authenticated' }));
  return { url, poolSize: Number(poolSize), verify, rest };
}

/** Tells its parent the port once it listens, and its CPU seconds so far whenever it is asked. */
export async function underLoad(server: Server): Promise<void> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  process.send?.(server.address());
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuSeconds: (user + system) / 1e6 });
  });
  process.on('disconnect', () => process.exit());
}
