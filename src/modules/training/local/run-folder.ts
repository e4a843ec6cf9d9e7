import { constants } from 'node:fs';
import { lstat, mkdir, open, realpath, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { type Config, runFolder } from '../../../platform/config.ts';
import { codeOf } from '../../../platform/errors.ts';
import type { RunInput } from '../run-input.ts';
import { copyDataset } from './dataset-files.ts';
import { RunError } from './errors.ts';

/** Everything that may name a folder; the id of a foreign row can be any text. */
const EXECUTION_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;
const MAX_RESULT_BYTES = 1024 * 1024;

/** What `result.json` may hold; a trainer's metrics are numbers, and whatever else it wants to tell of itself. */
const resultFile = z.object({
  model_path: z.string().min(1).optional(),
  metrics: z.record(z.string(), z.json()).default({}),
});

export type RunResult = z.output<typeof resultFile>;

/**
 * Makes the folder that a run is handed over in: `run.json` and `datasets/`, and `output/` for the trainer. An earlier
 * attempt's checkpoint stays for the trainer to go on from; its result does not.
 *
 * @returns its absolute path
 * @throws {RunError} where a dataset cannot be had, or the folder not be made
 */
export async function prepareRunFolder(
  config: Pick<Config, 'dataDir'>,
  run: RunInput,
  attempt: number,
): Promise<string> {
  if (!EXECUTION_ID.test(run.executionId)) {
    throw new RunError('RUN_FOLDER_UNFIT', 'the id of the execution is not fit to name a folder');
  }
  const folder = runFolder(config, run.executionId);
  for (const path of [folder, join(folder, 'datasets'), join(folder, 'output')]) await makeFolder(path);
  await rm(join(folder, 'result.json'), { recursive: true, force: true });
  const datasets = [];
  for (const [i, dataset] of run.datasets.entries()) {
    const path = `datasets/${i}.jsonl`;
    // What an earlier attempt's trainer put in its place, a link perhaps, is not written through.
    await rm(join(folder, path), { recursive: true, force: true });
    await copyDataset(dataset, config.dataDir, join(folder, path));
    datasets.push({ name: dataset.name, format: dataset.format, path });
  }
  const { executionId, method, config: settings } = run;
  const file = { executionId, attempt, method, config: settings, datasets, outputDir: 'output' };
  await rm(join(folder, 'run.json'), { recursive: true, force: true });
  await writeFile(join(folder, 'run.json'), `${JSON.stringify(file, null, 2)}\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  return folder;
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if ((await lstat(path)).isDirectory()) return;
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') {
      throw new RunError('RUN_FOLDER_UNFIT', `the run folder cannot be made (${codeOf(cause)})`, { cause });
    }
  }
  throw new RunError('RUN_FOLDER_UNFIT', 'something that is no folder stands where the run folder belongs');
}

/**
 * What the trainer left in `result.json`.
 *
 * @returns `model_path` absolute; undefined where there is no such file, which a trainer need not write
 * @throws {RunError} where it is not a result, or names a model outside of the run folder
 */
export async function readResult(folder: string): Promise<RunResult | undefined> {
  const text = await readBounded(join(folder, 'result.json'));
  if (text === undefined) return undefined;
  const result = parseResult(text);
  if (result.model_path === undefined) return result;
  const path = await realpath(resolve(folder, result.model_path)).catch(() => undefined);
  const below = path === undefined ? undefined : relative(await realpath(folder), path);
  if (below === undefined || below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)) {
    throw new RunError('RESULT_INVALID', 'result.json names a model_path that is no file in the run folder');
  }
  return { ...result, model_path: join(folder, below) };
}

async function readBounded(path: string): Promise<string | undefined> {
  // Whatever a trainer put there, a named pipe say, must not hold the worker up.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (file === undefined) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > MAX_RESULT_BYTES) {
      throw new RunError('RESULT_INVALID', 'result.json is no file of at most 1 MiB');
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function parseResult(text: string): RunResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RunError('RESULT_INVALID', 'result.json is not JSON', { cause });
  }
  const parsed = resultFile.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new RunError('RESULT_INVALID', `result.json is no result: ${faults.join('; ')}`);
}
