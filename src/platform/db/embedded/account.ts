import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { StartupError } from '../../errors.ts';

/** The account that Postgres runs as. */
export type Account = {
  name: string;
  /** True where this process is root and Postgres must run as somebody else. */
  isSwitched: boolean;
  /** Options for child_process.spawn; empty where nothing is switched. */
  spawn: { uid?: number; gid?: number };
};

/**
 * Postgres refuses to run as root, so root switches to `postgres`, which is made where it is missing, or to
 * `nobody` where it cannot be made. Everybody else runs Postgres as themselves.
 */
export function postgresAccount(): Account {
  if (process.getuid?.() !== 0) return { name: process.env.USER ?? 'you', isSwitched: false, spawn: {} };
  const found = lookUp('postgres') ?? make('postgres') ?? lookUp('nobody');
  if (found) return found;
  throw new StartupError(
    'Postgres does not run as root and no account for it could be made: run without root, or set DATABASE_URL.',
  );
}

function make(name: string): Account | undefined {
  spawnSync('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', name], {
    stdio: 'ignore',
  });
  return lookUp(name);
}

function lookUp(name: string): Account | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [account, , uid, gid] = line.split(':');
    if (account === name) return { name, isSwitched: true, spawn: { uid: Number(uid), gid: Number(gid) } };
  }
  return undefined;
}
