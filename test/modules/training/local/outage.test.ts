import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorker, type Worker } from '../../../../src/app/worker.ts';
import { databaseUrls } from '../../../../src/platform/db/connections.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../../src/platform/db/embedded/server.ts';
import { captureLog } from '../../../support/log.ts';
import { migrateTemplate } from '../../../support/template.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import {
  hasEnded,
  hasLine,
  linesOf,
  openTraining,
  statusesOf,
  workerConfig,
} from '../../../support/training.ts';

let folder: string;
let server: EmbeddedPostgres;
let worker: Worker;
let files: Awaited<ReturnType<typeof workerConfig>>;
const { log, until } = captureLog();

beforeAll(async () => {
  folder = await temporaryFolder('outage');
  server = await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
  await migrateTemplate(server.url);
  files = await workerConfig();
  worker = createWorker({ config: files.config, workerUrl: databaseUrls(server.url).worker, log });
  await worker.start();
});

afterAll(async () => {
  await worker?.stop(4_000);
  await server?.stop();
  await files?.remove();
  await rm(folder, { recursive: true, force: true });
});

it('brings every line of a run through a restart of Postgres, once and in order', async () => {
  const before = await openTraining({ admin: server.url });
  const id = await before.start({ script: [{ ticks: { count: 100, everyMs: 20 } }] });
  await before.until(id, hasLine('tick 5'));
  await before.close();
  await server.stop();
  await until(({ msg }) => msg === 'the feed cannot be written, trying again');
  const { port } = server;
  server = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), settings: { port: `${port}` } });

  const after = await openTraining({ admin: databaseOn(port) });
  const events = await after.until(id, hasEnded);
  expect(statusesOf(events)).toEqual(['pending', 'running', 'completed']);
  expect(linesOf(events)).toEqual([
    ...Array.from({ length: 100 }, (_, i) => `tick ${i + 1}`),
    'The trainer left no result.json',
  ]);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  await after.close();
});

/** The server's own address, which it keeps although the one who started it again does not know. */
function databaseOn(port: number): string {
  const url = new URL(server.url);
  url.port = `${port}`;
  return url.href;
}
