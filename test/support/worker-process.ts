import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../src/platform/config.ts';
import type { LogEntry } from './log.ts';

const programOf = (fixture: string) => fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url));

export type WorkerProcess = {
  pid: number;
  entries: LogEntry[];
  /** Resolves with the first log entry, earlier ones included, for which this holds. */
  until(holds: (entry: LogEntry) => boolean): Promise<LogEntry>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has gone. */
  gone: Promise<unknown>;
};

/**
 * Starts a worker in a process of its own and waits until it takes jobs.
 *
 * @param options.fixture the program in test/fixtures. Default: worker.ts
 * @param options.detached with a process group of its own, as a terminal gives to what it runs
 */
export async function startWorkerProcess({
  detached = false,
  fixture = 'worker.ts',
  ...options
}: {
  config: Config;
  workerUrl: string;
  detached?: boolean;
  fixture?: string;
}): Promise<WorkerProcess> {
  const child: ChildProcess = spawn(process.execPath, [programOf(fixture), JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'pipe'],
    detached,
  });
  const { pid, stderr } = child;
  if (pid === undefined || stderr === null) throw new Error('the worker could not be spawned');
  const entries: LogEntry[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: stderr }).on('line', (line) => {
    entries.push(line.startsWith('{') ? JSON.parse(line) : { msg: line });
    for (const look of waiting) look();
  });
  const until = (holds: (entry: LogEntry) => boolean): Promise<LogEntry> => {
    const { promise, resolve, reject } = Promise.withResolvers<LogEntry>();
    const look = (): void => {
      const found = entries.find(holds);
      if (found) resolve(found);
    };
    waiting.add(look);
    child.once('exit', () => reject(new Error(`the worker ended: ${JSON.stringify(entries.at(-1))}`)));
    look();
    return promise.finally(() => waiting.delete(look));
  };
  const gone = once(child, 'exit');
  await until(({ msg }) => msg === 'worker started');
  return { pid, entries, until, gone, signal: (signal) => void child.kill(signal) };
}
