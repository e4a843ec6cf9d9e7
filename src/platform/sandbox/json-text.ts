import { setImmediate } from 'node:timers/promises';
import { SandboxError } from './errors.ts';
import type { JsonText, ValueText } from './protocol.ts';

/** Other work of the program waits no longer than that, and for the one piece that is being written or read. */
const TURN_MS = 8;

/** Entries of a list that are written at once. */
const SLICE = 50;

/** Deeper than where the outputs of steps lie; what is below is written at once. */
const DEPTH = 5;

/**
 * Writes JSON piece by piece and lets other work go first between them: 8 MB at once take some 40 ms.
 *
 * @param limit characters
 * @throws {SandboxError} SIZE_LIMIT as soon as it is more
 */
export async function jsonText(value: unknown, limit: number, what: string): Promise<JsonText> {
  const pieces: string[] = [];
  let size = 0;
  let since = performance.now();
  for (const piece of piecesOf(value, DEPTH)) {
    pieces.push(piece);
    size += piece.length;
    if (size > limit) {
      throw new SandboxError({
        code: 'SIZE_LIMIT',
        message: `${what} has more than ${limit} characters of JSON`,
      });
    }
    if (performance.now() - since > TURN_MS) {
      await setImmediate();
      since = performance.now();
    }
  }
  return pieces;
}

function* piecesOf(value: unknown, depth: number): Generator<string> {
  if (depth === 0 || typeof value !== 'object' || value === null || 'toJSON' in value) {
    yield JSON.stringify(value) ?? 'null';
  } else if (Array.isArray(value)) yield* piecesOfList(value, depth);
  else yield* piecesOfObject(value, depth);
}

function* piecesOfList(list: readonly unknown[], depth: number): Generator<string> {
  if (list.length <= SLICE) {
    for (const [index, inner] of list.entries()) {
      yield index === 0 ? '[' : ',';
      yield* piecesOf(inner, depth - 1);
    }
    yield list.length === 0 ? '[]' : ']';
    return;
  }
  for (let from = 0; from < list.length; from += SLICE) {
    yield `${from === 0 ? '[' : ','}${JSON.stringify(list.slice(from, from + SLICE)).slice(1, -1)}`;
  }
  yield ']';
}

function* piecesOfObject(value: object, depth: number): Generator<string> {
  let opening = '{';
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined || typeof inner === 'function') continue;
    yield `${opening}${JSON.stringify(key)}:`;
    yield* piecesOf(inner, depth - 1);
    opening = ',';
  }
  yield opening === '{' ? '{}' : '}';
}

/** Reads values that come as JSON, and lets other work go first between them and within long lists. */
export async function fromValueTexts(texts: readonly ValueText[]): Promise<unknown[]> {
  const values: unknown[] = [];
  let since = performance.now();
  const parsed = async (text: string): Promise<unknown> => {
    if (performance.now() - since > TURN_MS) {
      await setImmediate();
      since = performance.now();
    }
    return JSON.parse(text);
  };
  for (const text of texts) {
    if (typeof text === 'string') values.push(await parsed(text));
    else {
      const list: unknown[] = [];
      for (const slice of text) for (const inner of (await parsed(slice)) as unknown[]) list.push(inner);
      values.push(list);
    }
  }
  return values;
}
