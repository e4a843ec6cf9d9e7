import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, StartupError } from './errors.ts';

const ownerSchema = z.object({ pid: z.number().int(), startedAt: z.string() });

/**
 * Makes this process the only one that runs Postgres and trainings in the folder. A process that was killed leaves
 * its mark behind; the mark counts only while that very process lives.
 *
 * @returns how to give the folder back
 * @throws {StartupError} where a live process has it, or the folder cannot be written
 */
export async function claimDataFolder(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'owner.json');
  const mark = JSON.stringify({ pid: process.pid, startedAt: await startOf(process.pid) });
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw notWritable(folder, cause);
  });
  while (!(await createExclusively(file, mark, folder))) {
    const owner = await ownerOf(file);
    if (owner && (await startOf(owner.pid)) === owner.startedAt) {
      throw new StartupError(
        `Runcast already runs on ${folder} as process ${owner.pid}: stop that one, or set RUNCAST_DATA_DIR (and PORT) for a second.`,
      );
    }
    // Renaming lets only one of several starters clear the dead owner's mark.
    const stale = `${file}.${process.pid}`;
    await rename(file, stale).then(
      () => rm(stale, { force: true }),
      () => undefined,
    );
  }
  return () => rm(file, { force: true });
}

async function createExclusively(file: string, text: string, folder: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o644);
    await handle.writeFile(text);
    await handle.close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw notWritable(folder, error);
  }
}

function notWritable(folder: string, cause: unknown): StartupError {
  return new StartupError(
    `The data folder ${folder} cannot be written (${codeOf(cause) ?? 'unknown'}): change its owner, or set RUNCAST_DATA_DIR to a folder of your own.`,
    { cause },
  );
}

async function ownerOf(file: string) {
  try {
    return ownerSchema.safeParse(JSON.parse(await readFile(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** What tells a process from a later one with the same id: its start time where /proc has it, else that it lives. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces; the start time is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    return codeOf(error) === 'EPERM' ? 'alive' : undefined;
  }
}
