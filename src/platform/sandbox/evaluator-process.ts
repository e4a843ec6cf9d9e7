import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SandboxError } from './errors.ts';
import { processFlags } from './process-flags.ts';
import type { Report, Request } from './protocol.ts';

/**
 * A process of its own, not a thread: V8 ends the whole process where a single allocation, such as a text of 300 MB, does
 * not fit into the memory limit of a worker thread, so that one expression would take the program down with it.
 */
export type EvaluatorProcess = {
  /**
   * Works on one request; not to be called again before that has ended.
   *
   * @param phasesMs how long each phase may take before the process is ended
   * @throws {SandboxError} where what was evaluated failed or was ended
   */
  run(request: Request, phasesMs: readonly number[], signal?: AbortSignal): Promise<Done>;
  stop(): void;
  /** Whether it can take another request: not one that is being ended. */
  isUsable(): boolean;
  /** When there is no such process any more. */
  gone: Promise<void>;
};

export type Done = Extract<Report, { state: 'done' }>;

type Current = {
  phasesMs: readonly number[];
  phase: number;
  since: number;
  timer: NodeJS.Timeout | undefined;
  settle(outcome: Done | Error): void;
};

/** Expressions notice by themselves that their time is over, which spares the process, and get this long to do it. */
const GRACE_MS = 15;

const entry = fileURLToPath(new URL('./inside/main.ts', import.meta.url));

export function startEvaluatorProcess(memoryMb: number): EvaluatorProcess {
  const child = fork(entry, [], {
    execPath: process.execPath,
    execArgv: processFlags(memoryMb),
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
  });
  return watched(child);
}

function watched(child: ChildProcess): EvaluatorProcess {
  const ready = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  let current: Current | undefined;
  let isEnding = false;

  child.on('message', (report: Report) => {
    if (report.state === 'ready') ready.resolve();
    else if (report.state === 'begun') begin();
    else current?.settle(outcomeOf(report));
  });
  child.on('error', (cause) => end(new Error('The sandbox could not start a process', { cause })));
  child.on('exit', (code, signal) => end(deathOf(code, signal)));
  rest();

  function end(death: Error): void {
    ready.reject(new Error(`The sandbox could not start a process: ${death.message}`));
    current?.settle(death);
    gone.resolve();
  }

  function begin(): void {
    if (!current) return;
    clearTimeout(current.timer);
    current.since = performance.now();
    const { since } = current;
    const limit = current.phasesMs[current.phase++] ?? 0;
    const late = () => giveUp(tooLong(limit, performance.now() - since));
    current.timer = setTimeout(late, limit + GRACE_MS);
  }

  function giveUp(reason: Error): void {
    isEnding = true;
    current?.settle(reason);
    child.kill('SIGKILL');
  }

  function deathOf(code: number | null, signal: string | null): Error {
    const how = signal ?? `exit code ${code}`;
    if (!current?.phase) return new Error(`it ended with ${how}`);
    return outOfMemory(how, performance.now() - current.since);
  }

  async function run(request: Request, phasesMs: readonly number[], signal?: AbortSignal): Promise<Done> {
    child.ref();
    child.channel?.ref();
    try {
      signal?.throwIfAborted();
      await ready.promise;
      signal?.throwIfAborted();
      return await outcome(request, phasesMs, signal);
    } finally {
      rest();
    }
  }

  /** A process that waits for work does not keep the program alive. */
  function rest(): void {
    child.unref();
    child.channel?.unref();
  }

  function outcome(request: Request, phasesMs: readonly number[], signal?: AbortSignal): Promise<Done> {
    return new Promise((resolve, reject) => {
      const abort = () => giveUp(signal?.reason);
      current = {
        phasesMs,
        phase: 0,
        since: performance.now(),
        timer: undefined,
        settle(result) {
          clearTimeout(current?.timer);
          current = undefined;
          signal?.removeEventListener('abort', abort);
          if (result instanceof Error || !('state' in result)) reject(result);
          else resolve(result);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      child.send(request, (failure) => {
        if (failure) current?.settle(outOfMemory(failure.message, 0));
      });
    });
  }

  const isUsable = () => !isEnding && child.connected;
  const stop = () => {
    child.ref();
    giveUp(new Error('The sandbox is closed'));
  };
  return { run, stop, isUsable, gone: gone.promise };
}

function outcomeOf(report: Exclude<Report, { state: 'ready' | 'begun' }>): Done | Error {
  if (report.state === 'done') return report;
  if (report.state === 'broken') return new Error(`A program of the sandbox failed: ${report.message}`);
  return new SandboxError(report.failure, report.ms);
}

function tooLong(limit: number, ms: number): SandboxError {
  return new SandboxError({ code: 'TIME_LIMIT', message: `it took more than ${limit} ms` }, ms);
}

function outOfMemory(how: string, ms: number): SandboxError {
  const message = `it took too much memory, and its process was ended (${how})`;
  return new SandboxError({ code: 'MEMORY_LIMIT', message }, ms);
}
