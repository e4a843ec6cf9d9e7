import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `npm run check`: everything that can be said about the code without running it. */
const root = fileURLToPath(new URL('..', import.meta.url));

const checks: { name: string; program: string; args: string[] }[] = [
  { name: 'generated code', program: script('generate.ts'), args: [] },
  { name: 'schema.graphql is current', program: script('print-schema.ts'), args: ['--check'] },
  { name: 'schema keeps what was released', program: script('check-contract.ts'), args: [] },
  { name: 'package-lock.json is complete', program: script('check-lockfile.ts'), args: [] },
  { name: 'types', program: binary('typescript', 'bin/tsc'), args: ['-p', '.'] },
  {
    name: 'types of the client in a browser',
    program: binary('typescript', 'bin/tsc'),
    args: ['-p', 'src/client', '--noEmit'],
  },
  {
    name: 'format and lint',
    program: binary('@biomejs/biome', 'bin/biome'),
    args: ['check', '--error-on-warnings', '.'],
  },
  {
    name: 'import directions',
    program: binary('dependency-cruiser', 'bin/dependency-cruiser.mjs'),
    args: ['src', '--config', '.dependency-cruiser.cjs'],
  },
];

let failed = 0;
for (const { name, program, args } of checks) {
  const { code, output } = await run(program, args);
  console.log(`${code === 0 ? 'pass' : 'FAIL'}  ${name}`);
  if (code !== 0) {
    console.log(output);
    failed += 1;
  }
}
process.exitCode = failed === 0 ? 0 : 1;

function script(name: string): string {
  return join(root, 'scripts', name);
}

function binary(name: string, path: string): string {
  return join(root, 'node_modules', name, path);
}

function run(program: string, args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: root });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stderr.on('data', (text) => {
      output += text;
    });
    child.once('close', (code) => resolve({ code, output }));
  });
}
