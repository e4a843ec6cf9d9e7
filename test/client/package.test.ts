import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A program that uses what the package says it has, and one thing that it does not. */
const CONSUMER = `
import { createClient, type ExecutionEvent, RuncastError } from 'runcast/client';
import { useExecution } from 'runcast/client/react';

const client = createClient({ url: 'http://127.0.0.1:1/graphql', token: async ({ refused }) => refused ?? 'a token' });
export const line = (event: ExecutionEvent): string => (event.type === 'LOG' ? event.message : event.at);
export const pane = (id: string) => useExecution(client, id).progress?.percent;
export const watching = async (): Promise<'finished' | 'stopped'> =>
  (await client.watchExecution('exec_1', { after: 3, onGap: ({ isLost }) => isLost }).done).reason;
// @ts-expect-error: the message of a log line is not there before its type is known
export const wrong = (event: ExecutionEvent) => event.message;
console.log(typeof createClient, typeof useExecution, RuncastError.name);
`;

describe('the package', () => {
  let folder: string;
  let files: string[];

  beforeAll(async () => {
    folder = await temporaryFolder('package');
    const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    files = JSON.parse(packed.stdout)[0].files.map(({ path }: { path: string }) => path);
    const modules = join(folder, 'node_modules');
    for (const file of files) {
      await mkdir(dirname(join(modules, 'runcast', file)), { recursive: true });
      await cp(join(root, file), join(modules, 'runcast', file));
    }
    await mkdir(join(modules, '@types'));
    for (const name of ['graphql-ws', 'graphql', 'react', '@types/react', 'csstype']) {
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
    await writeFile(join(folder, 'package.json'), '{"type": "module"}');
    await writeFile(join(folder, 'consumer.ts'), CONSUMER);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('holds the client alone, compiled, with its types', async () => {
    const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const others = files.filter((path) => !/^dist\/client\/[\w-]+(\.d\.ts|\.js)$/.test(path));
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
    for (const name of ['./client', './client/react']) {
      for (const path of Object.values<string>(exports[name]))
        expect(files).toContain(path.replace('./', ''));
    }
  });

  it('asks for graphql-ws at run time, and for React where its hook is used', async () => {
    const wanted = new Set<string>();
    for (const file of files.filter((path) => path.endsWith('.js'))) {
      const text = await readFile(join(root, file), 'utf8');
      for (const [, from = ''] of text.matchAll(/^(?:import|export) .*from '([^.][^']*)'/gm))
        wanted.add(from);
    }
    expect([...wanted].sort()).toEqual(['graphql-ws/client', 'react']);
  });

  it.each(['nodenext', 'bundler'])('is typed for programs that resolve modules as %s does', (resolution) => {
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom', '--types', ''];
    const module = resolution === 'nodenext' ? 'nodenext' : 'esnext';
    const { stdout, status } = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/typescript/bin/tsc'),
        ...options,
        ...['--module', module, '--moduleResolution', resolution, 'consumer.ts'],
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  });

  it('runs in Node, and opens nothing when it is imported', () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['consumer.ts'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect({ stdout, stderr, status }).toEqual({
      stdout: 'function function RuncastError\n',
      stderr: '',
      status: 0,
    });
  });
});
