import { pipeline, Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { OutboundError } from './error.ts';
import type { Exchange } from './exchange.ts';

/** One after the other: what is compressed three times is a bomb, or a mistake. */
const MAX_ENCODINGS = 2;

/**
 * A response's bytes, decompressed as they come. It is counted what arrives and what is made of it, so a kilobyte that
 * stands for a gigabyte ends at the limit, with no more than a chunk of it in memory. Closes the connection at the end.
 *
 * @param explain makes of what goes wrong what readers are told
 * @throws {OutboundError} RESPONSE_INVALID where it is compressed too often
 */
export function boundedBody(
  { headers, body, close }: Exchange,
  maxBytes: number,
  explain: (error: unknown) => unknown,
): Readable {
  try {
    const decoders = decodersOf(headers['content-encoding']);
    const parts = [body, limit(maxBytes), ...(decoders.length > 0 ? [...decoders, limit(maxBytes)] : [])];
    // The last part fails with what failed first, and every part before it is closed.
    const bytes = pipeline(parts, close) as unknown as Readable;
    return Readable.from(explained(bytes, explain), { objectMode: false }).once('close', () =>
      bytes.destroy(),
    );
  } catch (error) {
    close();
    throw error;
  }
}

async function* explained(bytes: Readable, explain: (error: unknown) => unknown): AsyncGenerator<Buffer> {
  try {
    yield* bytes;
  } catch (error) {
    throw explain(error);
  }
}

export async function bytesOf(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function limit(maxBytes: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        done(new OutboundError('TOO_LARGE', `The response holds more than ${maxBytes} bytes.`));
      else done(null, chunk);
    },
  });
}

/** Several headers are one list. */
function decodersOf(encoding: string | string[] | undefined): Transform[] {
  const names = [encoding ?? '']
    .flat()
    .join()
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  if (names.length > MAX_ENCODINGS) {
    throw new OutboundError('RESPONSE_INVALID', 'The response is compressed more often than twice.');
  }
  const decoders = names.toReversed().map(decoderOf);
  return decoders.every((decoder) => decoder !== undefined) ? decoders : [];
}

function decoderOf(name: string): Transform | undefined {
  if (name === 'gzip' || name === 'x-gzip') return createGunzip();
  if (name === 'deflate') return createInflate();
  return name === 'br' ? createBrotliDecompress() : undefined;
}
