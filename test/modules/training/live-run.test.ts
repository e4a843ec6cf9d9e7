import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorker, type Worker } from '../../../src/app/worker.ts';
import { loadConfig } from '../../../src/platform/config.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { insertConfig, startApi, type TestApi, type User } from '../../support/api.ts';
import { START } from '../../support/start.graphql.ts';

const LINES = 40;
const DROPS = 5;

/** Prints 40 lines, and again 40 for each of the files 1 to 5 that appears in a folder. */
const trainer = (folder: string) => `
  const { existsSync, watch } = require('node:fs');
  const folder = ${JSON.stringify(folder)};
  let part = 0;
  let line = 0;
  const write = () => {
    while (part <= ${DROPS} && (part === 0 || existsSync(folder + '/' + part))) {
      part += 1;
      for (let i = 0; i < ${LINES}; i += 1) console.log('line ' + (line += 1));
    }
    if (part > ${DROPS}) watching.close();
  };
  const watching = watch(folder, write);
  write();
`;

let api: TestApi;
let user: User;
let worker: Worker;
let folder: string;
let gates: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runcast-live-run-'));
  gates = join(folder, 'gates');
  await mkdir(gates);
  api = await startApi();
  user = await api.makeUser();
  const config = loadConfig(
    {
      RUNCAST_DATA_DIR: folder,
      LOCAL_TRAINER: JSON.stringify([process.execPath, '-e', trainer(gates), '--']),
    },
    folder,
  );
  worker = createWorker({ config, workerUrl: api.database.worker, log: createLogger('silent') });
  await worker.start();
});
afterAll(async () => {
  await worker.stop(4_000);
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

const FOLLOW = `subscription ($id: ID!, $after: Int!) {
  executionEvents(id: $id, after: $after) {
    lastSeq ended events { seq ... on LogEvent { message source } ... on StatusEvent { to } }
  }
}`;

type Event = { seq: number; message?: string; source?: string; to?: string };

const linesOf = (events: Event[]) =>
  events.filter(({ source }) => source === 'stdout').map(({ message }) => message);

it('follows a run that was started over HTTP through five dropped sockets, to its last line', async () => {
  const { publicId } = await insertConfig(api.admin, user.id);
  const started = await api.ask(START, { input: { publicId, method: 'SFT', provider: 'LOCAL' } }, user);
  const id = started.data.startTraining.databaseId as string;
  const events: Event[] = [];
  let drops = 0;
  for (let hasEnded = false; !hasEnded; ) {
    const socket = api.socket(user);
    // Anywhere among the lines that are written before the trainer waits for this drop.
    const dropAt =
      drops < DROPS ? drops * LINES + 1 + Math.floor(Math.random() * LINES) : Number.POSITIVE_INFINITY;
    for await (const { data, errors } of socket.follow(FOLLOW, { id, after: events.at(-1)?.seq ?? 0 })) {
      expect(errors).toBeUndefined();
      events.push(...data.executionEvents.events);
      hasEnded = data.executionEvents.ended;
      if (linesOf(events).length >= dropAt) break;
    }
    socket.terminate();
    if (hasEnded) break;
    drops += 1;
    await writeFile(join(gates, String(drops)), '');
  }
  expect(drops).toBe(DROPS);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.at(-1)).toMatchObject({ to: 'completed' });
  expect(linesOf(events)).toEqual(
    Array.from({ length: LINES * (DROPS + 1) }, (_, index) => `line ${index + 1}`),
  );
  const { rows } = await api.admin.query('select last_seq::int as last from runcast.execution_streams');
  expect(rows).toEqual([{ last: events.length }]);
});
