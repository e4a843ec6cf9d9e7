import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('peers/', import.meta.url));
const lockfile = `${folder}package-lock.json`;
/** The lockfile that was installed by: it is written last, so an installation that broke off is begun again. */
const installed = `${folder}node_modules/.installed-by.json`;

/** Installs what the peers need where that is not there yet, or not as the lockfile has it. */
export async function installPeers(): Promise<void> {
  const [wanted, there] = await Promise.all([
    readFile(lockfile, 'utf8'),
    readFile(installed, 'utf8').catch(() => ''),
  ]);
  if (there === wanted) return;
  const started = performance.now();
  console.log('Installing PostGraphile and Mercurius into bench/peers (once, 330 MB) …');
  const npm = spawn('npm', ['ci', '--ignore-scripts'], { cwd: folder, stdio: 'inherit' });
  const [code] = await once(npm, 'exit');
  if (code !== 0) throw new Error(`npm ci in bench/peers ended with code ${code}.`);
  await copyFile(lockfile, installed);
  console.log(`Installed in ${((performance.now() - started) / 1000).toFixed(0)} s.`);
}
