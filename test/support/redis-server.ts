import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

if (!hasRedis) {
  process.stderr.write(
    'Left out: the tests with Redis, since there is no redis-server (Debian: redis-server).\n',
  );
}

export type RedisServer = {
  url: string;
  /** SIGKILL. Resolves when it has gone. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
};

/** A Redis that keeps nothing on disk, on a free port of 127.0.0.1. @param password default: none is asked for */
export async function startRedis({ password = '' } = {}): Promise<RedisServer> {
  const port = await freePort();
  let child = await run(port, password);
  return {
    url: `redis://${password && `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    async start() {
      child = await run(port, password);
    },
  };
}

async function run(port: number, password: string): Promise<ChildProcess> {
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', [...settings, ...(password ? ['--requirepass', password] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('Ready to accept connections')) break;
  }
  if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
  // What it goes on to print must not fill the pipe.
  child.stdout.resume();
  return child;
}
