import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';

/** What a run tells: JSON lines for programs, plain lines for people. Each call waits while the reader is behind. */
export interface Output {
  event(fields: Readonly<Record<string, unknown>>): Promise<void>;
  line(text: string): Promise<void>;
}

/**
 * Once `stop` is aborted nothing waits for the reader any more: a run that is told to end must write its checkpoint and
 * go, also when whoever reads it hangs.
 *
 * @throws whatever the stream fails with, EPIPE when nobody reads any more, from the call that meets it.
 */
export function createOutput(stream: Writable, stop: AbortSignal): Output {
  const write = async (text: string): Promise<void> => {
    if (stream.errored) throw stream.errored;
    if (stream.write(`${text}\n`) || stop.aborted) return;
    try {
      await once(stream, 'drain', { signal: stop });
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  };
  return { event: (fields) => write(JSON.stringify(fields)), line: write };
}

/** Resolves when all that was written has been handed to the system, or after `graceMs` where that is given. */
export async function flush(stream: Writable, graceMs?: number): Promise<void> {
  const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
  await (graceMs === undefined ? written : Promise.race([written, setTimeout(graceMs)]));
}
