import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { RunFile } from '../../../../src/modules/training/trainer/run-file.ts';

export const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const main = join(repository, 'src/modules/training/trainer/main.ts');

export type JsonLine = Readonly<Record<string, unknown>>;

/** A folder that is gone when the test is. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'runcast-trainer-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface FolderOptions {
  readonly method?: RunFile['method'];
  readonly hyperparameters?: Readonly<Record<string, unknown>>;
  readonly lines?: readonly unknown[];
  readonly format?: 'chatml' | 'sharegpt' | 'prompt_completion';
}

/** A run folder with a run.json and one dataset, small enough that 40 steps take a fraction of a second. */
export async function runFolder(options: FolderOptions = {}): Promise<string> {
  const { method = 'sft', hyperparameters = {}, lines = counting, format = 'prompt_completion' } = options;
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'datasets'));
  await writeFile(join(folder, 'datasets/0.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
  const run: RunFile = {
    executionId: 'exec_test',
    attempt: 1,
    method,
    config: { model: { name: 'test' }, hyperparameters: { ...small, ...hyperparameters } },
    datasets: [{ name: 'data', format, path: 'datasets/0.jsonl' }],
    outputDir: 'output',
  };
  await writeFile(join(folder, 'run.json'), JSON.stringify(run));
  return folder;
}

const small = { steps: 40, batch_size: 16, context: 6, embedding_dim: 6, hidden_dim: 16 };

const numbers = [
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];

export const counting = numbers.map((number, index) => ({
  prompt: `What comes after ${number}?`,
  completion: `After ${number} comes ${numbers[index + 1] ?? 'thirteen'}.`,
}));

export const preferences = numbers.map((number, index) => ({
  prompt: `What comes after ${number}?`,
  chosen: `After ${number} comes ${numbers[index + 1] ?? 'thirteen'}.`,
  rejected: 'WHO KNOWS!!! ASK SOMEBODY ELSE!!!',
}));

export interface Trainer {
  readonly child: ChildProcess;
  /** stdout's lines as they come; JSON ones parsed, the others as `{text}`. */
  readonly lines: AsyncIterableIterator<JsonLine>;
  /** The exit code or the signal's name, and all of stderr. */
  readonly ended: Promise<{ code: number | NodeJS.Signals; stderr: string }>;
}

export function startTrainer(...args: string[]): Trainer {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: (code ?? signal) as number | NodeJS.Signals,
    stderr,
  }));
  return { child, lines: parseLines(createInterface({ input: child.stdout })), ended };
}

async function* parseLines(input: AsyncIterable<string>): AsyncIterableIterator<JsonLine> {
  for await (const line of input) yield line.startsWith('{') ? JSON.parse(line) : { text: line };
}

/** All lines to the end, the exit code and stderr. */
export async function runTrainer(...args: string[]) {
  const { lines, ended } = startTrainer(...args);
  const all: JsonLine[] = [];
  for await (const line of lines) all.push(line);
  return { lines: all, ...(await ended) };
}

export const lossesOf = (lines: readonly JsonLine[]): [unknown, unknown][] =>
  lines.filter((line) => line.type === 'metric').map((line) => [line.step, line.loss]);

/** result.json without the one figure that is not the same twice. */
export async function readResult(
  folder: string,
): Promise<{ model_path: string; metrics: Record<string, number> }> {
  const result = JSON.parse(await readFile(join(folder, 'result.json'), 'utf8'));
  delete result.metrics.seconds;
  return result;
}
