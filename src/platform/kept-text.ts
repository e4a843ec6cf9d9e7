import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, StartupError } from './errors.ts';

/** What is kept in a file of the data folder, as long as the folder lives. */
export type Kept = {
  folder: string;
  file: string;
  /** Makes it, the first time. */
  make: () => string;
  isValid: (text: string) => boolean;
  /** What it must be, e.g. `secret of at least 32 characters`. */
  what: string;
  /** What to set instead, e.g. JWT_SECRET. */
  setting: string;
};

/** @throws {StartupError} where the file cannot be read or made, or holds something else */
export async function keptText(kept: Kept): Promise<string> {
  const file = join(kept.folder, kept.file);
  try {
    return (await existing(file, kept)) ?? (await make(file, kept));
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    throw new StartupError(
      `${file} cannot be read or made (${codeOf(cause) ?? 'unknown'}): change its owner, or set ${kept.setting}.`,
      { cause },
    );
  }
}

/** Written beside and linked into place: of several processes one makes it and nobody reads half of it. */
async function make(file: string, kept: Kept): Promise<string> {
  await mkdir(kept.folder, { recursive: true });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${kept.make()}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, file).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await existing(file, kept)) ?? (await make(file, kept));
}

async function existing(file: string, { isValid, what }: Kept): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  const kept = text?.trim();
  if (kept !== undefined && !isValid(kept)) {
    throw new StartupError(`${file} holds no ${what}: delete it and a new one is made.`);
  }
  return kept;
}
