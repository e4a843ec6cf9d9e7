import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { settings } from '../src/platform/settings.ts';
import type { CpuTimes, Memory } from './process.ts';

/** Connections of every side to the database; `BENCH_POOL` sets it, by default it is the API's. */
export const poolSize = Number(process.env.BENCH_POOL ?? settings.shape.DATABASE_POOL_SIZE.parse(undefined));

/** A program of this folder, with what it is given beyond database, pool size and the tokens' secret. */
export type Side<Name extends string> = { name: Name; program: string; args?: readonly string[] };

/** Whom the servers log in as, and what their tokens are signed with. */
export type ServerDatabase = { url: string; secret: string };

export type Running<Name extends string> = { name: Name; child: ChildProcess; port: number };

/** Starts a side in a process of its own; resolves when it listens. */
export async function startServer<Name extends string>(
  { name, program, args = [] }: Side<Name>,
  { url, secret }: ServerDatabase,
): Promise<Running<Name>> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = fork(path, [url, String(poolSize), secret, ...args], {
    execArgv: ['--expose-gc', ...profiling(name)],
    // As deployed; graphql and Grafast check more where they take themselves to be in development.
    env: { ...process.env, NODE_ENV: 'production', GRAPHILE_ENV: 'production' },
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The server of ${name} ended with code ${code} before it listened.`);
  });
  const [address] = await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => {});
  return { name, child, port: address.port };
}

export async function stopServer({ child }: Running<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}

/** CPU time of the server's process so far. */
export async function cpuTimes({ child }: Running<string>): Promise<CpuTimes> {
  const answered = once(child, 'message');
  child.send('cpu');
  const [times] = await answered;
  return times;
}

/** Both of the CPU times together. */
export async function cpuSeconds(server: Running<string>): Promise<number> {
  const { user, kernel } = await cpuTimes(server);
  return user + kernel;
}

/** What the server's process holds after its garbage is collected. */
export async function memoryOf({ child }: Running<string>): Promise<Memory> {
  const answered = once(child, 'message');
  child.send('memory');
  const [memory] = await answered;
  return memory;
}

/** `BENCH_PROFILE=<folder>` writes a CPU profile of each server. */
function profiling(name: string): string[] {
  const folder = process.env.BENCH_PROFILE;
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}.cpuprofile`] : [];
}
