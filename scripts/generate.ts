import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Makes src/generated: the Prisma client and the types that Pothos reads. With `--if-stale` only when the Prisma
 * schema or the generators changed since the last time, which costs a few milliseconds.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'src/generated/.stamp');
const inputs = ['prisma/schema.prisma', 'prisma.config.ts', 'package-lock.json'];

const hash = createHash('sha256');
for (const input of inputs) hash.update(readFileSync(join(root, input)));
const wanted = hash.digest('hex');

if (!process.argv.includes('--if-stale') || current() !== wanted) {
  const prisma = join(
    dirname(createRequire(import.meta.url).resolve('prisma/package.json')),
    'build/index.js',
  );
  // Prisma looks for a schema engine that generating does not need and downloads it unless it is given one.
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  };
  const made = spawnSync(process.execPath, [prisma, 'generate'], { cwd: root, env, encoding: 'utf8' });
  if (made.status !== 0) {
    console.error(made.stdout, made.stderr);
    process.exit(1);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function current(): string | undefined {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
}
