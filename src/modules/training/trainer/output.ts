import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** What a run tells: JSON lines for programs, plain lines for people. Each call waits while the reader is behind. */
export interface Output {
  event(fields: Readonly<Record<string, unknown>>): Promise<void>;
  line(text: string): Promise<void>;
}

/** @throws whatever the stream fails with, EPIPE when nobody reads any more, from the call that meets it. */
export function createOutput(stream: Writable): Output {
  const write = async (text: string): Promise<void> => {
    if (stream.errored) throw stream.errored;
    if (!stream.write(`${text}\n`)) await once(stream, 'drain');
  };
  return { event: (fields) => write(JSON.stringify(fields)), line: write };
}

/** Resolves when everything written so far has been handed to the system. */
export async function flush(stream: Writable): Promise<void> {
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
