import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the program under test must not inherit from the machine that tests it. */
const OURS =
  /^(PORT|HOST|NODE_ENV|RUNCAST_|DATABASE_|SUPABASE_|API_DATABASE|WORKER_DATABASE|JWT_|REDIS_|LOCAL_|GRAPHIQL|LOG_)/;

export type RuncastProcess = {
  child: ChildProcess;
  pid: number;
  /** Everything printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with the match as soon as stdout has it; rejects with all output when the process ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** What a Ctrl-C in a terminal does: SIGINT to the whole process group. Resolves with the exit code. */
  interrupt(): Promise<number | null>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

/** `runcast <args>` as a real process in a process group of its own. */
export function spawnRuncast(args: string[], environment: Record<string, string>): RuncastProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !OURS.test(name));
  const env = { ...Object.fromEntries(inherited), ...environment };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: ROOT, env, detached: true });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  const pid = child.pid ?? 0;

  async function printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(texts.stdout);
      if (match) return match;
      const isOver = await Promise.race([
        once(child.stdout, 'data').then(() => false),
        ended.then(() => true),
      ]);
      if (isOver && !pattern.test(texts.stdout)) {
        throw new Error(`ended without printing ${pattern}:\n${texts.stdout}\n${texts.stderr}`);
      }
    }
  }

  return {
    child,
    pid,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    printed,
    ended,
    interrupt: async () => {
      process.kill(-pid, 'SIGINT');
      return (await ended).code;
    },
  };
}
