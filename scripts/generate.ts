import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Makes src/generated: the Prisma client, the types that Pothos reads, and the types of the GraphQL documents. With
 * `--if-stale` only when what they are made from changed since the last time, which costs a few milliseconds; with
 * `--prisma` the first two alone, which is what printing the schema needs: documents may ask for what it does not have yet.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'src/generated/.stamp');
const inputs = [
  'prisma/schema.prisma',
  'prisma.config.ts',
  'package-lock.json',
  'codegen.ts',
  'schema.graphql',
  'src/client/documents.ts',
  ...globSync(['test/**/*.graphql.ts', 'src/cli/**/*.graphql.ts'], { cwd: root }).sort(),
];

const hash = createHash('sha256');
for (const input of inputs) hash.update(readFileSync(join(root, input)));
const wanted = hash.digest('hex');

if (process.argv.includes('--prisma')) generatePrisma();
else if (!process.argv.includes('--if-stale') || current() !== wanted) {
  generatePrisma();
  run(packageFile('@graphql-codegen/cli', 'esm/bin.js'), ['--config', 'codegen.ts']);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function generatePrisma(): void {
  run(packageFile('prisma', 'build/index.js'), ['generate']);
}

function packageFile(name: string, file: string): string {
  return join(root, 'node_modules', name, file);
}

function run(program: string, args: string[]): void {
  // Prisma looks for a schema engine that generating does not need and downloads it unless it is given one.
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  };
  const made = spawnSync(process.execPath, [program, ...args], { cwd: root, env, encoding: 'utf8' });
  if (made.status === 0) return;
  console.error(made.stdout, made.stderr);
  process.exit(1);
}

function current(): string | undefined {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
}
