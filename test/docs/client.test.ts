import { spawn } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../src/platform/feed/feed.ts';
import { startApi, type TestApi, type User } from '../support/api.ts';
import { blocksOf, readPage } from '../support/documentation.ts';
import { connectFeed, type FeedClient, insertTraining, line } from '../support/feed.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const blocks = blocksOf(readPage('docs/client.md'));
const textsIn = (language: string) =>
  blocks.filter((block) => block.language === language).map((block) => block.text);

let api: TestApi;
let user: User;
let feed: FeedClient;
let folder: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  feed = await connectFeed(api.database.admin);
  folder = await temporaryFolder('client-docs');
});
afterAll(async () => {
  await feed[Symbol.asyncDispose]();
  await api.close();
  await rm(folder, { recursive: true });
});

/** A run that has ended, with eight events. */
async function endedRun(): Promise<string> {
  const id = await insertTraining(feed, user.id);
  const set = (columns: string) =>
    feed.query(`update training_executions set ${columns} where id = $1`, [id]);
  await set("status = 'running'");
  await appendEvents(feed, {
    kind: 'training',
    id,
    events: [
      line('Reading 146 records.'),
      { type: 'metric', payload: { step: 240, values: { loss: 2.31 } } },
      line('step 240 of 600'),
      { type: 'progress', payload: { percent: 100 } },
      line('The model is written.'),
    ],
  });
  await set("status = 'completed'");
  return id;
}

describe('docs/client.md', () => {
  it('prints the examples as they are', () => {
    expect(textsIn('ts')[0]).toBe(readPage('examples/clients/log-pane.ts'));
    expect(textsIn('tsx')).toEqual([readPage('examples/clients/run-pane.tsx')]);
  });

  it('prints what its examples print', async () => {
    const id = await endedRun();
    await mkdir(join(folder, 'node_modules'));
    await symlink(root, join(folder, 'node_modules/runcast'));
    await writeFile(join(folder, 'package.json'), '{"type": "module"}');
    await writeFile(join(folder, 'page.ts'), textsIn('ts').join('\n'));
    const child = spawn(process.execPath, ['page.ts'], {
      cwd: folder,
      env: { RUNCAST_URL: `${api.url}/graphql`, TOKEN: user.token, RUN: id },
    });
    const [printed, faults] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const lines = 'Reading 146 records.\nstep 240 of 600\nThe model is written.\n';
    expect({ printed, faults }).toEqual({ printed: lines + textsIn('text').join(''), faults: '' });
  });
});
