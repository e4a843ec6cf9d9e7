import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Whoever reads `path` sees the old content or the new, whole; also after a crash between the two. */
export async function writeFileAtomically(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // The pid keeps two attempts apart should an old one still be writing while a new one starts.
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The bytes of the array, base64: exact, and a fifth of what decimals would take. */
export function toBase64(array: Float64Array | Float32Array): string {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
}

/** @throws RangeError when the text does not hold a whole number of doubles. */
export function float64FromBase64(text: string): Float64Array {
  return new Float64Array(bytesOf(text));
}

export function float32FromBase64(text: string): Float32Array {
  return new Float32Array(bytesOf(text));
}

function bytesOf(text: string): ArrayBuffer {
  // A copy of its own: Buffer's small results share a pool whose offset need not be a multiple of eight.
  return new Uint8Array(Buffer.from(text, 'base64')).buffer;
}
