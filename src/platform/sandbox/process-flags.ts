import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../', import.meta.url));

/** No files but the program's own to read, none to write, no processes, no native code; built-ins that nobody can change. */
export function processFlags(memoryMb: number): string[] {
  const packages = dirname(dirname(createRequire(import.meta.url).resolve('jsonata/package.json')));
  const readable = [source, join(dirname(source), 'package.json'), packages, realpathSync(packages)];
  return [
    `--max-old-space-size=${memoryMb}`,
    '--max-semi-space-size=8',
    // Enough for the depth limit of expressions; the system gives 8 MB.
    '--stack-size=3900',
    '--frozen-intrinsics',
    '--disable-proto=delete',
    '--permission',
    // Of the process that ends this one when the program is gone.
    '--allow-worker',
    ...readable.filter(existsSync).map((path) => `--allow-fs-read=${path}`),
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=SecurityWarning',
  ];
}
