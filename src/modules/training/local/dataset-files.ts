import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { RunDataset } from '../run-input.ts';
import { RunError } from './errors.ts';

const EXAMPLES = fileURLToPath(new URL('../../../../examples', import.meta.url));
/** A larger file is a mistake more often than a dataset: it is copied for every run. */
const MAX_BYTES = 4 * 1024 ** 3;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * Copies a dataset to a file of the run's own. Its `storage_path` is whatever some user wrote, so it is followed to
 * its real place first, symbolic links and all, and only what lies in `datasets/` of the data folder or in the shipped
 * `examples/` is read. `datasets/<user id>/` is for datasets of that user alone.
 *
 * @throws {RunError} DATASET_NOT_REACHABLE for what this worker does not read, DATASET_MISSING for what is not there
 */
export async function copyDataset(dataset: RunDataset, dataDir: string, target: string): Promise<void> {
  const { storagePath } = dataset;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(storagePath)) {
    throw new RunError(
      'DATASET_NOT_REACHABLE',
      `the dataset "${dataset.name}" is at a URL, which the local provider does not fetch: put the file into datasets/ of the data folder and set storage_path to datasets/<file>`,
    );
  }
  const path = await locate(dataset, dataDir);
  // Neither follows a link that was put there since, nor waits for the writer of a named pipe.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause) => {
      throw missing(dataset, cause);
    },
  );
  try {
    await copy(file, dataset, target);
  } finally {
    await file.close();
  }
}

async function locate(dataset: RunDataset, dataDir: string): Promise<string> {
  const { storagePath } = dataset;
  if (storagePath.includes('\0')) throw missing(dataset);
  const candidates = isAbsolute(storagePath)
    ? [storagePath]
    : [join(dataDir, storagePath), join(dataDir, 'datasets', storagePath), join(EXAMPLES, '..', storagePath)];
  for (const candidate of candidates) {
    const path = await realpath(candidate).catch(() => undefined);
    if (path === undefined) continue;
    if (await mayBeRead(path, dataset, dataDir)) return path;
    throw new RunError(
      'DATASET_NOT_REACHABLE',
      `the dataset "${dataset.name}" lies outside of what the local provider reads: put the file into datasets/ of the data folder and set storage_path to datasets/<file>`,
    );
  }
  throw missing(dataset);
}

async function mayBeRead(path: string, dataset: RunDataset, dataDir: string): Promise<boolean> {
  const inExamples = await pathWithin(EXAMPLES, path);
  if (inExamples !== undefined) return true;
  const inDatasets = await pathWithin(join(dataDir, 'datasets'), path);
  if (inDatasets === undefined) return false;
  const [owner = ''] = inDatasets.split(sep);
  return !UUID.test(owner) || owner.toLowerCase() === dataset.userId.toLowerCase();
}

/** The path below a folder; undefined where it is not below it. `path` is real already. */
async function pathWithin(folder: string, path: string): Promise<string | undefined> {
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined) return undefined;
  const below = relative(real, path);
  return below === '' || below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)
    ? undefined
    : below;
}

async function copy(file: FileHandle, dataset: RunDataset, target: string): Promise<void> {
  const stats = await file.stat();
  if (!stats.isFile()) throw missing(dataset);
  if (stats.size > MAX_BYTES) {
    throw new RunError(
      'DATASET_NOT_REACHABLE',
      `the dataset "${dataset.name}" is larger than 4 GiB: split it into several`,
    );
  }
  const copied = await open(target, 'w', 0o600);
  await pipeline(file.createReadStream({ autoClose: false }), copied.createWriteStream());
}

function missing(dataset: RunDataset, cause?: unknown): RunError {
  return new RunError(
    'DATASET_MISSING',
    `there is no readable file at the storage_path of the dataset "${dataset.name}": a path is relative to the data folder`,
    { cause },
  );
}
