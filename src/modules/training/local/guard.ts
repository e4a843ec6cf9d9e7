import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { codeOf } from '../../../platform/errors.ts';
import { type Command, type Order, type Report, SILENCE_MS } from './guard-protocol.ts';
import { kill, killMarked, RUN_MARKER } from './marked-processes.ts';

/**
 * A program of its own, in a session of its own, that stands between a worker and its trainer: it starts the trainer
 * in a process group, and kills that group and all descendants when the worker falls silent, goes away, or says so.
 * The worker cannot do this itself: a parent-death signal misses grandchildren, and a worker that is frozen by SIGSTOP
 * does nothing at all while its job is given to another.
 *
 * Its stdout and stderr are the worker's pipes, inherited by the trainer; it writes nothing to them itself.
 */
const LOOK_MS = 250;
const REPORTS = 3;

function guard(order: Order): { command(command: Command): void; orphan(): void } {
  let lastBeat = performance.now();
  let orphaned = false;
  const trainer = spawn(order.program, order.args, {
    cwd: order.folder,
    env: { ...order.environment, [RUN_MARKER]: order.executionId },
    detached: true,
    stdio: ['ignore', 1, 2],
  });
  const killAll = (): void => {
    signalGroup(trainer, 'SIGKILL');
    void killMarked(RUN_MARKER, order.executionId);
  };
  const orphan = (): void => {
    orphaned = true;
    killAll();
  };
  const silent = (): boolean => performance.now() - lastBeat > SILENCE_MS;
  const watch = setInterval(() => {
    // Where this process was frozen together with the worker, beats may lie unread: read them before judging.
    if (silent()) setImmediate(() => silent() && orphan());
  }, LOOK_MS);

  trainer.once('spawn', () => report({ event: 'started', pid: trainer.pid ?? 0 }));
  trainer.once('error', (error) => {
    clearInterval(watch);
    leave({ event: 'not-started', message: codeOf(error) ?? error.message });
  });
  trainer.once('exit', async (code, signal) => {
    signalGroup(trainer, 'SIGKILL');
    await killMarked(RUN_MARKER, order.executionId);
    clearInterval(watch);
    leave({ event: 'ended', code, signal, orphaned });
  });
  return {
    orphan,
    command(command) {
      lastBeat = performance.now();
      if (command === 'terminate') signalGroup(trainer, 'SIGTERM');
      if (command === 'kill') killAll();
    },
  };
}

function signalGroup(trainer: ChildProcess, signal: NodeJS.Signals): void {
  if (trainer.pid !== undefined) kill(-trainer.pid, signal);
}

function report(report: Report): void {
  try {
    writeSync(REPORTS, `${JSON.stringify(report)}\n`);
  } catch {
    // The worker is gone; there is nobody to tell.
  }
}

function leave(last: Report): void {
  report(last);
  process.exit(0);
}

function runAsProgram(): void {
  // A service manager that stops the worker signals everything it started; when to stop the trainer, the worker says.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  let guarded: ReturnType<typeof guard> | undefined;
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (guarded) guarded.command(line as Command);
    else guarded = guard(JSON.parse(line) as Order);
  });
  lines.once('close', () => (guarded ? guarded.orphan() : process.exit(0)));
  process.stdin.once('error', () => guarded?.orphan());
}

if (import.meta.main) runAsProgram();
