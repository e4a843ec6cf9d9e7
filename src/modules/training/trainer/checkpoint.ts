import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { float64FromBase64, toBase64, writeFileAtomically } from './files.ts';
import type { Measurements } from './phase.ts';
import type { RandomState } from './random.ts';

/** All that the rest of a run depends on, taken between two steps. */
export interface Checkpoint {
  /** What was to be trained, on what, with which settings; a checkpoint of anything else is not taken up. */
  readonly fingerprint: string;
  /** Steps done, over all phases. */
  readonly step: number;
  readonly random: RandomState;
  readonly parameters: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly updates: number;
  readonly phaseState: Float64Array;
  /** What the last step measured. */
  readonly last: Measurements;
}

const schema = z.object({
  fingerprint: z.string(),
  step: z.int(),
  random: z.tuple([z.int(), z.int(), z.int(), z.int()]),
  parameters: z.string(),
  first: z.string(),
  second: z.string(),
  updates: z.int(),
  phaseState: z.string(),
  last: z.record(z.string(), z.number()),
});
const fileSchema = z.object({ sha256: z.string(), body: schema });

export const checkpointPath = (folder: string): string => join(folder, 'checkpoint.json');

/** Replaces the folder's checkpoint; there is one, the newest. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const body: z.input<typeof schema> = {
    ...checkpoint,
    random: [...checkpoint.random],
    parameters: toBase64(checkpoint.parameters),
    first: toBase64(checkpoint.first),
    second: toBase64(checkpoint.second),
    phaseState: toBase64(checkpoint.phaseState),
  };
  await writeFileAtomically(checkpointPath(folder), JSON.stringify({ sha256: digest(body), body }));
}

/** The folder's checkpoint, or why there is none to take up: a damaged or foreign one costs time, never the run. */
export async function readCheckpoint(
  folder: string,
  fingerprint: string,
): Promise<{ checkpoint: Checkpoint } | { none: string | undefined }> {
  let text: string;
  try {
    text = await readFile(checkpointPath(folder), 'utf8');
  } catch {
    return { none: undefined };
  }
  try {
    const { sha256, body } = fileSchema.parse(JSON.parse(text));
    if (sha256 !== digest(body)) return { none: 'its checksum does not match' };
    if (body.fingerprint !== fingerprint) {
      return { none: 'it belongs to another run, or data or settings were changed since' };
    }
    const checkpoint = {
      ...body,
      parameters: float64FromBase64(body.parameters),
      first: float64FromBase64(body.first),
      second: float64FromBase64(body.second),
      phaseState: float64FromBase64(body.phaseState),
    };
    return { checkpoint };
  } catch {
    return { none: 'it is damaged' };
  }
}

function digest(body: z.output<typeof schema>): string {
  const fields = Object.keys(schema.shape).map((name) => body[name as keyof typeof body]);
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex');
}
