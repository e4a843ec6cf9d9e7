import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { StartupError } from '../../errors.ts';
import { type Account, postgresAccount } from './account.ts';
import { type Binaries, installedBinaries, reachableBinaries, reachableFolder } from './binaries.ts';

export type EmbeddedPostgres = {
  /** Connection string of the superuser; holds the password. */
  url: string;
  port: number;
  /** True where it was found running: another process owns it, or one that was killed left it behind. */
  wasRunning: boolean;
  /** Ends all sessions and stops the server, as `pg_ctl stop -m` has it; at most 10 s. Default: fast. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  /** Folder of the cluster; made and initialised where it is missing. */
  folder: string;
  /** Server settings beyond the defaults, e.g. `{ fsync: 'off' }` for tests. */
  settings?: Record<string, string>;
  /** Which Postgres; default: the one that is installed with the project. */
  binaries?: Binaries;
};

type Cluster = {
  folder: string;
  data: string;
  binaries: Binaries;
  account: Account;
  settings: Record<string, string>;
};

const PORT_ATTEMPTS = 5;

/**
 * Starts a Postgres of our own on a free port of 127.0.0.1, or takes over one that a killed process left running
 * in the same folder. The server runs in a session of its own, so a Ctrl-C in the terminal reaches us alone and
 * we can drain before we stop it.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const account = postgresAccount();
  const folder = await reachableFolder(options.folder, account);
  const binaries = await reachableBinaries(options.binaries ?? (await installedBinaries()), account);
  const cluster = { folder, data: join(folder, 'data'), binaries, account, settings: options.settings ?? {} };
  await prepareFolder(cluster);
  const password = await initialise(cluster);
  const running = await runningPort(cluster);
  const port = running ?? (await start(cluster));
  return {
    port,
    wasRunning: running !== undefined,
    url: `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`,
    stop: (mode = 'fast') =>
      run(cluster, binaries.pgCtl, ['stop', '-D', cluster.data, '-m', mode, '-w', '-t', '10']),
  };
}

async function prepareFolder({ folder, account }: Cluster): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw new StartupError(
      `The data folder ${folder} cannot be made: set RUNCAST_DATA_DIR to one you may write to.`,
      {
        cause,
      },
    );
  });
  const owner = (await stat(folder)).uid;
  const self = process.getuid?.();
  const { uid, gid } = account.spawn;
  if (uid !== undefined && gid !== undefined) {
    if (owner !== 0 && owner !== uid) throw foreignFolder(folder, owner);
    await chown(folder, uid, gid);
  } else if (self !== undefined && owner !== self) {
    throw foreignFolder(folder, owner);
  }
}

function foreignFolder(folder: string, owner: number): StartupError {
  return new StartupError(
    `The data folder ${folder} belongs to user ${owner}: run as that user, change its owner, or set RUNCAST_DATA_DIR to a folder of your own.`,
  );
}

/** Makes the cluster where there is none; returns the superuser's password, kept beside the cluster. */
async function initialise(cluster: Cluster): Promise<string> {
  const file = join(cluster.folder, 'password');
  const isComplete = await stat(join(cluster.folder, 'initialised')).then(
    () => true,
    () => false,
  );
  if (isComplete) return (await readFile(file, 'utf8')).trim();
  // A first start that was cut off leaves half a cluster without the mark: it holds nothing yet, so begin again.
  await rm(cluster.data, { recursive: true, force: true });
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  const { uid, gid } = cluster.account.spawn;
  if (uid !== undefined && gid !== undefined) await chown(file, uid, gid);
  await run(cluster, cluster.binaries.initdb, [
    ...['-D', cluster.data, '-U', 'postgres', '--pwfile', file],
    ...['-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '--no-instructions'],
  ]);
  await writeFile(join(cluster.folder, 'initialised'), '');
  await chmod(file, 0o600);
  return password;
}

/** The port of a live server in this folder; undefined where none runs. */
async function runningPort(cluster: Cluster): Promise<number | undefined> {
  const isRunning = await run(cluster, cluster.binaries.pgCtl, ['status', '-D', cluster.data]).then(
    () => true,
    () => false,
  );
  if (!isRunning) return undefined;
  const lines = (await readFile(join(cluster.data, 'postmaster.pid'), 'utf8')).split('\n');
  return Number(lines[3]);
}

async function start(cluster: Cluster): Promise<number> {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...cluster.settings,
  };
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const log = join(cluster.folder, 'server.log');
    const args = [
      'start',
      '-D',
      cluster.data,
      '-l',
      log,
      '-w',
      '-t',
      '60',
      '-o',
      `-p ${port} ${flags.join(' ')}`,
    ];
    try {
      await run(cluster, cluster.binaries.pgCtl, args);
      return port;
    } catch (cause) {
      // Between finding the port and listening on it somebody else may have taken it.
      const tail = (await readFile(log, 'utf8').catch(() => '')).slice(-2000);
      if (attempt < PORT_ATTEMPTS && tail.includes('Address already in use')) continue;
      throw new StartupError(`The embedded Postgres does not start: read ${log}.`, { cause });
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Runs one of Postgres's programs to its end; its words become the error's. */
function run(cluster: Cluster, program: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { ...cluster.account.spawn, cwd: '/', detached: true };
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-4000);
    });
    child.once('error', reject);
    // 'exit', not 'close': the server that pg_ctl leaves behind keeps the pipe open.
    child.once('exit', (code) => {
      child.stderr.destroy();
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${code}: ${words.trim()}`));
    });
  });
}
