import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { claimDataFolder } from '../../src/platform/data-folder.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'runcast-folder-'));
});
afterAll(() => rm(root, { recursive: true }));

it('belongs to one process at a time and says which and what to do', async () => {
  const folder = join(root, 'one');
  const release = await claimDataFolder(folder);
  await expect(claimDataFolder(folder)).rejects.toThrow(
    `process ${process.pid}: stop that one, or set RUNCAST_DATA_DIR`,
  );
  await release();
  await (await claimDataFolder(folder))();
  expect(await readdir(folder)).toEqual([]);
});

it('is taken over from a process that was killed', async () => {
  const folder = join(root, 'two');
  await (await claimDataFolder(folder))();
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  await writeFile(join(folder, 'owner.json'), JSON.stringify({ pid: dead.pid, startedAt: '1' }));
  await (await claimDataFolder(folder))();
});

it('is not held by another process that happens to have the same id', async () => {
  const folder = join(root, 'three');
  await (await claimDataFolder(folder))();
  await writeFile(
    join(folder, 'owner.json'),
    JSON.stringify({ pid: process.pid, startedAt: 'another time' }),
  );
  await (await claimDataFolder(folder))();
});

it('is taken over when its mark is cut off', async () => {
  const folder = join(root, 'four');
  await (await claimDataFolder(folder))();
  await writeFile(join(folder, 'owner.json'), '{"pid"');
  await (await claimDataFolder(folder))();
});
