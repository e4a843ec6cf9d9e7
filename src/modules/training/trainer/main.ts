import { parseArgs } from 'node:util';
import { TrainerInputError } from './errors.ts';
import { readModelFile } from './model-file.ts';
import { createOutput, flush } from './output.ts';
import { readRun } from './run-file.ts';
import { sample } from './sample.ts';
import { train } from './train.ts';

const usage = `Usage:
  main.ts train --run <folder>     trains what <folder>/run.json describes
  main.ts sample --model <file> [--prompt <text>] [--length 300] [--temperature 0.7] [--seed 1]`;

const stopSignals = ['SIGTERM', 'SIGINT'] as const;
type StopSignal = (typeof stopSignals)[number];

/** How long a reader that hangs is waited for once the run was told to end. */
const stopGraceMs = 200;

/** 128 + signal number, as a shell counts; 2 for input that running again will not mend; 1 for everything else. */
const exitCodes = { SIGTERM: 143, SIGINT: 130, badInput: 2, failure: 1 } as const;

async function runTrain(args: string[], stop: AbortController): Promise<number> {
  const { run: folder } = options(args, { run: { type: 'string' } });
  if (folder === undefined) throw new TrainerInputError('bad_arguments', '--run <folder> is missing');
  for (const signal of stopSignals) process.on(signal, () => stop.abort(signal));
  const output = createOutput(process.stdout, stop.signal);
  const result = await train(await readRun(folder), { output, shouldStop: () => stop.signal.aborted });
  // A signal that comes behind the last step changes nothing: the result is there.
  return result ? 0 : exitCodes[stop.signal.reason as StopSignal];
}

async function runSample(args: string[]): Promise<number> {
  const given = options(args, {
    model: { type: 'string' },
    prompt: { type: 'string' },
    length: { type: 'string' },
    temperature: { type: 'string' },
    seed: { type: 'string' },
  });
  if (given.model === undefined) throw new TrainerInputError('bad_arguments', '--model <file> is missing');
  const length = numberOption('length', given.length, { fallback: 300, min: 1, max: 100_000 });
  const temperature = numberOption('temperature', given.temperature, { fallback: 0.7, min: 0, max: 10 });
  const seed = numberOption('seed', given.seed, { fallback: 1, min: 0, max: Number.MAX_SAFE_INTEGER });
  const { model, vocabulary } = await readModelFile(given.model);
  const text = sample(model, vocabulary, { prompt: given.prompt, length, temperature, seed });
  await createOutput(process.stdout, new AbortController().signal).line([...text].join(''));
  return 0;
}

function options<T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: string[],
  known: T,
) {
  try {
    return parseArgs({ args, options: known, strict: true }).values as Partial<
      Record<keyof NonNullable<T>, string>
    >;
  } catch (error) {
    throw new TrainerInputError('bad_arguments', (error as Error).message);
  }
}

function numberOption(
  name: string,
  given: string | undefined,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  const value = given === undefined ? fallback : Number(given);
  if (given?.trim() !== '' && value >= min && value <= max) return value;
  throw new TrainerInputError('bad_arguments', `--${name} must be a number from ${min} to ${max}`);
}

async function main([command, ...args]: string[], stop: AbortController): Promise<number> {
  if (command === 'train') return runTrain(args, stop);
  if (command === 'sample') return runSample(args);
  throw new TrainerInputError('bad_arguments', usage);
}

async function runAsProgram(): Promise<void> {
  // Without a listener a reader that went away would end the process with a stack trace; the next write reports it.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const stop = new AbortController();
  let code: number;
  try {
    code = await main(process.argv.slice(2), stop);
  } catch (error) {
    code = error instanceof TrainerInputError ? exitCodes.badInput : exitCodes.failure;
    process.stderr.write(`ERROR: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  const graceMs = stop.signal.aborted ? stopGraceMs : undefined;
  await flush(process.stdout, graceMs);
  await flush(process.stderr, graceMs);
  process.exit(code);
}

if (import.meta.main) await runAsProgram();
