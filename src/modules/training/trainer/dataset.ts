import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { TrainerInputError } from './errors.ts';
import { RecordError, readRecord, type TrainingRecord } from './records.ts';
import type { RunDataset } from './run-file.ts';

/** A larger file has no place in a trainer that is done in seconds, and would be held in memory whole. */
const maxBytes = 256 * 1024 * 1024;

export interface Dataset {
  readonly name: string;
  readonly records: readonly TrainingRecord[];
  /** Of the file's bytes: a checkpoint is only taken up over the same data. */
  readonly sha256: string;
  /** Numbers, from 1, of lines with bytes that were not UTF-8; these became U+FFFD. */
  readonly repairedLines: readonly number[];
}

/** @throws TrainerInputError naming file, line number and field. */
export async function loadDataset(dataset: RunDataset): Promise<Dataset> {
  let bytes: Buffer;
  try {
    const { size } = await stat(dataset.path);
    if (size > maxBytes) {
      throw new Error(`it has ${size} bytes, more than the ${maxBytes} this trainer takes`);
    }
    bytes = await readFile(dataset.path);
  } catch (error) {
    throw new TrainerInputError('bad_dataset', `${dataset.path} cannot be read: ${(error as Error).message}`);
  }
  return parseDataset(dataset, bytes);
}

export function parseDataset(dataset: RunDataset, bytes: Uint8Array): Dataset {
  const decoder = new TextDecoder('utf-8');
  const records: TrainingRecord[] = [];
  const repairedLines: number[] = [];
  let line = 0;
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const end = newline === -1 ? bytes.length : newline;
    line += 1;
    const raw = bytes.subarray(start, end);
    const text = decoder.decode(raw).trim();
    start = end + 1;
    if (text === '') continue;
    if (text.includes('\ufffd') && !isUtf8(raw)) repairedLines.push(line);
    records.push(parseLine(dataset, line, text));
  }
  if (records.length === 0) {
    throw new TrainerInputError('bad_dataset', `${dataset.path}: the file has no records`);
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: dataset.name, records, sha256, repairedLines };
}

function parseLine(dataset: RunDataset, line: number, text: string): TrainingRecord {
  const where = `${dataset.path}:${line}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TrainerInputError('bad_dataset', `${where}: not JSON: ${(error as Error).message}`);
  }
  try {
    return readRecord(dataset.format, value);
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    throw new TrainerInputError('bad_dataset', `${where}: ${error.message} (format ${dataset.format})`);
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
