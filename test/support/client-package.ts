import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BUILT = `${root}dist/client/react.js`;

/** What imports `runcast/client` by its name, an example or a bundler, gets what is built: once for the whole run. */
export default function setup(): void {
  const sources = ['scripts/build-client.ts', ...globSync('src/client/*', { cwd: root })];
  const built = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.every((source) => statSync(root + source).mtimeMs < built)) return;
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}scripts/build-client.ts`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`runcast/client could not be built:\n${stdout}${stderr}`);
}
