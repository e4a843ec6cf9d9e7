import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyDataset } from '../../../../src/modules/training/local/dataset-files.ts';

const owner = randomUUID();
let folder: string;
let dataDir: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runcast-datasets-'));
  dataDir = join(folder, 'data');
  await mkdir(join(dataDir, 'datasets', owner), { recursive: true });
  await mkdir(join(dataDir, 'datasets-of-others'));
  await writeFile(join(dataDir, 'datasets', 'open.jsonl'), 'open');
  await writeFile(join(dataDir, 'datasets', owner, 'own.jsonl'), 'own');
  await writeFile(join(dataDir, 'datasets-of-others', 'near.jsonl'), 'near');
  await writeFile(join(dataDir, 'secret'), 'secret');
  await writeFile(join(folder, 'outside'), 'outside');
  await symlink(join(folder, 'outside'), join(dataDir, 'datasets', 'link'));
  await symlink(folder, join(dataDir, 'datasets', 'folder-link'));
  await symlink('open.jsonl', join(dataDir, 'datasets', 'inner-link'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function copied(storagePath: string, userId = owner): Promise<string> {
  const target = join(folder, 'copy');
  await copyDataset({ name: 'data', userId, storagePath, format: 'chatml' }, dataDir, target);
  return readFile(target, 'utf8');
}

it.each([
  ['datasets/open.jsonl', 'open'],
  ['open.jsonl', 'open'],
  ['datasets/inner-link', 'open'],
  [`datasets/${owner}/own.jsonl`, 'own'],
])('reads %s', async (storagePath, text) => {
  expect(await copied(storagePath)).toBe(text);
});

it('reads an absolute path in the folder, and the shipped examples', async () => {
  expect(await copied(join(dataDir, 'datasets', 'open.jsonl'))).toBe('open');
  expect(await copied('examples/datasets/sonnets.jsonl')).toContain('prompt');
});

it.each([
  ['../outside', 'DATASET_NOT_REACHABLE'],
  ['secret', 'DATASET_NOT_REACHABLE'],
  ['datasets/link', 'DATASET_NOT_REACHABLE'],
  ['datasets/folder-link/outside', 'DATASET_NOT_REACHABLE'],
  ['datasets/../secret', 'DATASET_NOT_REACHABLE'],
  ['datasets-of-others/near.jsonl', 'DATASET_NOT_REACHABLE'],
  ['examples/../package.json', 'DATASET_NOT_REACHABLE'],
  ['/proc/self/environ', 'DATASET_NOT_REACHABLE'],
  ['https://example.com/a.jsonl', 'DATASET_NOT_REACHABLE'],
  ['file:///etc/passwd', 'DATASET_NOT_REACHABLE'],
  ['datasets', 'DATASET_NOT_REACHABLE'],
  [`datasets/${owner}`, 'DATASET_MISSING'],
  ['datasets/absent', 'DATASET_MISSING'],
  ['datasets/open.jsonl\0', 'DATASET_MISSING'],
])('refuses %j as %s', async (storagePath, code) => {
  await expect(copied(storagePath)).rejects.toMatchObject({ code });
});

it('keeps a user’s folder from datasets of others', async () => {
  await expect(copied(`datasets/${owner}/own.jsonl`, randomUUID())).rejects.toMatchObject({
    code: 'DATASET_NOT_REACHABLE',
  });
});
