import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * `npm run build:client`: makes dist/client, which is what `runcast/client` stands for. Node runs TypeScript as it is, but
 * not below node_modules.
 */
const root = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${root}dist/client`, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}src/client`],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;
