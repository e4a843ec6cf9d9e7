import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { BEAT_MS, type Command, type Order, type Report, type TrainerEnd } from './guard-protocol.ts';
import { GUARD_MARKER, kill, killMarked, RUN_MARKER } from './marked-processes.ts';

const GUARD = fileURLToPath(new URL('./guard.ts', import.meta.url));
/** How long a process that escaped every kill may keep the output open after the trainer has ended. */
const OUTPUT_GRACE_MS = 2_000;

/** What `stdio` below asks for; Node's types know of three pipes that are always there, and end at five. */
type Pipes = [Writable, Readable, Readable, Readable];

export type GuardedTrainer = {
  stdout: Readable;
  stderr: Readable;
  /** Resolves when no process of the run is left; rejects where one cannot be killed. */
  ended: Promise<TrainerEnding>;
  /** SIGTERM to the trainer's process group. */
  terminate(): void;
  /** SIGKILL to the group and to every descendant that left it. */
  kill(): void;
};

export type TrainerEnding =
  | ({ cause: 'exit' } & Omit<TrainerEnd, 'orphaned'>)
  /** The program could not be started. */
  | { cause: 'not-started'; message: string }
  /** Killed by the guard, which had not heard from this process for too long, or left alone by it. */
  | { cause: 'guard'; message: string };

/**
 * Kills what an earlier attempt of the execution left on this machine, its guard first: where worker and guard were
 * killed together, or the guard was frozen, nobody else did.
 *
 * @returns whether there was anything
 */
export async function killLeftovers(executionId: string): Promise<boolean> {
  const guards = await killMarked(GUARD_MARKER, executionId);
  const trainers = await killMarked(RUN_MARKER, executionId);
  return guards || trainers;
}

/** Starts a trainer under a guard process. Nothing of an earlier attempt may be alive: see killLeftovers. */
export function startGuarded(order: Order): GuardedTrainer {
  const guard = spawn(process.execPath, [GUARD], {
    detached: true,
    cwd: '/',
    env: { [GUARD_MARKER]: order.executionId },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [input, stdout, stderr, reports] = guard.stdio as unknown as Pipes;
  // A guard that is gone is noticed by its exit.
  input.on('error', () => {});
  const say = (command: Command): void => void input.write(`${command}\n`);
  input.write(`${JSON.stringify(order)}\n`);
  const beat = setInterval(say, BEAT_MS, 'beat');
  const ended = endingOf(guard, reports, order.executionId).finally(() => {
    clearInterval(beat);
    endOutput(stdout, stderr);
  });
  return { stdout, stderr, ended, terminate: () => say('terminate'), kill: () => say('kill') };
}

async function endingOf(guard: ChildProcess, reports: Readable, executionId: string): Promise<TrainerEnding> {
  let pid: number | undefined;
  let last: Report | undefined;
  createInterface({ input: reports }).on('line', (line) => {
    last = JSON.parse(line) as Report;
    if (last.event === 'started') pid = last.pid;
  });
  const failure = once(guard, 'error').then(([error]) => String(error));
  const gone = Promise.all([once(guard, 'exit'), once(reports, 'close')]).then(() => undefined);
  const message = await Promise.race([failure, gone]);
  if (last?.event === 'not-started') return { cause: 'not-started', message: last.message };
  if (last?.event === 'ended' && !last.orphaned)
    return { cause: 'exit', code: last.code, signal: last.signal };
  // Its guard is gone, so nobody but this process is left to end the trainer.
  if (pid !== undefined) kill(-pid, 'SIGKILL');
  await killMarked(RUN_MARKER, executionId);
  return {
    cause: 'guard',
    message:
      last?.event === 'ended'
        ? 'the worker was frozen for too long'
        : (message ?? 'the guard of the trainer was killed'),
  };
}

function endOutput(...streams: Readable[]): void {
  const timer = setTimeout(() => {
    for (const stream of streams) stream.destroy();
  }, OUTPUT_GRACE_MS);
  void Promise.all(streams.map((stream) => stream.closed || once(stream, 'close'))).then(() =>
    clearTimeout(timer),
  );
}
