import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Config } from '../platform/config.ts';
import { codeOf, StartupError } from '../platform/errors.ts';

const GENERATED = fileURLToPath(new URL('../generated/graphql/persisted-documents.json', import.meta.url));
const manifest = z.record(z.string(), z.string());

/**
 * The operations that clients may name by the sha256 of their text: the manifest that is configured, or what codegen
 * made of the typed documents in this repository.
 *
 * @returns text by sha256 in hexadecimal digits
 * @throws {StartupError} where a configured manifest cannot be used, or nothing but its operations were to be run
 */
export async function loadPersistedOperations({
  persistedOperations,
  persistedOnly,
}: Pick<Config, 'persistedOperations' | 'persistedOnly'>): Promise<ReadonlyMap<string, string>> {
  const file = persistedOperations ?? GENERATED;
  const text = await readFile(file, 'utf8').catch((error) => {
    if (codeOf(error) === 'ENOENT' && !persistedOperations && !persistedOnly) return '{}';
    throw unusable(file, 'cannot be read', error);
  });
  const entries = Object.entries(parsed(file, text)).map(([id, document]): [string, string] => {
    const digits = id.replace(/^sha256:/, '').toLowerCase();
    if (digits !== hash('sha256', document))
      throw unusable(file, `has an id that is not its text's sha256: ${id}`);
    return [digits, document];
  });
  return new Map(entries);
}

function parsed(file: string, text: string): Record<string, string> {
  try {
    return manifest.parse(JSON.parse(text));
  } catch (cause) {
    throw unusable(file, 'is no JSON object of sha256 to text', cause);
  }
}

function unusable(file: string, fault: string, cause?: unknown): StartupError {
  return new StartupError(
    `The manifest of persisted operations ${file} ${fault}: run npm run generate, or set PERSISTED_OPERATIONS.`,
    { cause },
  );
}
