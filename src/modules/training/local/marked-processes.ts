import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * Variables by which the processes of a run are found again, whatever group or session they moved to and whoever
 * their parent is by now: a process inherits its environment. The value is the execution's id.
 */
export const RUN_MARKER = 'RUNCAST_RUN_MARKER';
export const GUARD_MARKER = 'RUNCAST_GUARD_MARKER';

export type Marker = typeof RUN_MARKER | typeof GUARD_MARKER;

/** Between a kill -9 and a look whether it is gone; a process in a disk wait takes longer. */
const LOOK_AGAIN_MS = 10;
const GIVE_UP_MS = 5_000;

/**
 * Ids of the living processes of this account that carry the marker. Zombies do not count. A process that overwrote
 * its environment is not found here; its group is killed by number as well.
 */
export async function findMarked(marker: Marker, executionId: string): Promise<number[]> {
  return process.platform === 'linux' ? findInProc(marker, executionId) : findWithPs(marker, executionId);
}

/**
 * Kills -9 every process that carries the marker and returns when none is left; those that they start meanwhile are
 * found in the next round.
 *
 * @returns whether there was any
 * @throws where one is still there after 5 s
 */
export async function killMarked(marker: Marker, executionId: string): Promise<boolean> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (let round = 0; ; round += 1) {
    const found = (await findMarked(marker, executionId)).filter((pid) => pid !== process.pid);
    if (found.length === 0) return round > 0;
    if (performance.now() > deadline) {
      throw new Error(`processes ${found.join(', ')} of ${executionId} cannot be killed`);
    }
    for (const pid of found) kill(pid, 'SIGKILL');
    await wait(LOOK_AGAIN_MS);
  }
}

/** @param pid a process, or with a minus its whole group; one that is gone already is no error */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone, or not ours any more: its number was given to somebody else.
  }
}

async function findInProc(marker: Marker, executionId: string): Promise<number[]> {
  const wanted = `\0${marker}=${executionId}\0`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Unreadable: another account's, or gone since.
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return `\0${environment}\0`.includes(wanted) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** For systems without /proc: the environment as `ps` shows it behind the command. */
export async function findWithPs(marker: Marker, executionId: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['axeww', '-o', 'pid=,command='], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const wanted = ` ${marker}=${executionId} `;
  return stdout
    .split('\n')
    .filter((line) => `${line} `.includes(wanted))
    .map((line) => Number.parseInt(line, 10));
}
