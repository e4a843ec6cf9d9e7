import { readFile } from 'node:fs/promises';
import { mintToken } from '../../../src/platform/auth/mint-token.ts';
import type { TestDatabase } from '../postgres.ts';
import { spawnRuncast } from '../runcast-process.ts';

const JWT = { secret: 'a-secret-for-api-processes-of-tests', audience: 'authenticated' };

export type ApiProcess = {
  port: number;
  url: string;
  /** Resident memory in MB; undefined where the system does not tell. */
  memory(): Promise<number | undefined>;
  /** SIGKILL. Resolves when it has gone. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>;
};

/**
 * A process that serves the API alone on a free port. Callers are not limited: hundreds of watchers here come from one
 * address, and often as one user.
 */
export async function startApiProcess(
  database: TestDatabase,
  environment: Record<string, string> = {},
): Promise<ApiProcess> {
  const runcast = spawnRuncast(['start'], {
    PORT: '0',
    RUNCAST_ROLES: 'api',
    DATABASE_URL: database.admin,
    JWT_SECRET: JWT.secret,
    GRAPHIQL: 'off',
    RATE_LIMIT_PER_USER: '0',
    RATE_LIMIT_PER_IP: '0',
    LIVE_MAX_SOCKETS_PER_USER: '20000',
    ...environment,
  });
  // A test that runs out of time disposes of nothing.
  const end = () => void runcast.child.kill('SIGKILL');
  process.once('exit', end);
  void runcast.ended.then(() => process.off('exit', end));
  const [, port] = await runcast.printed(/Runcast is up at \S+:(\d+)\./);
  return {
    port: Number(port),
    url: `http://127.0.0.1:${port}`,
    memory: () => residentMemory(runcast.pid),
    async kill() {
      process.kill(runcast.pid, 'SIGKILL');
      await runcast.ended;
    },
    async stop() {
      if (runcast.child.exitCode === null && runcast.child.signalCode === null) runcast.child.kill('SIGTERM');
      return (await runcast.ended).code;
    },
  };
}

export function tokenFor(userId: string): Promise<string> {
  return mintToken(JWT, { role: 'authenticated', sub: userId }, 4 * 60 * 60);
}

async function residentMemory(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}
