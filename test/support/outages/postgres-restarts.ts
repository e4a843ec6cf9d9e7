import { rm } from 'node:fs/promises';
import { scheduler } from 'node:timers/promises';
import { databaseUrls } from '../../../src/platform/db/connections.ts';
import { createServiceDatabase } from '../../../src/platform/db/service.ts';
import { ask, JWT, makeUser, socketTo } from '../api.ts';
import { connectFeed, insertTraining } from '../feed.ts';
import { captureLog } from '../log.ts';
import { spawnRuncast } from '../runcast-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { follow } from './follower.ts';
import { startRestartablePostgres } from './restartable-postgres.ts';
import { openScene, type SceneReport } from './scene.ts';
import { byMutation, bySql, completion } from './writer.ts';

export type Restarts = {
  /** Restarts Postgres; resolves with the milliseconds from when it takes connections to when the API is ready. */
  restart(mode: 'fast' | 'immediate'): Promise<number>;
  /** Whether the process that was started first still serves. */
  isAlive(): boolean;
  finish(): Promise<SceneReport>;
  [Symbol.asyncDispose](): Promise<void>;
};

const PATIENCE_MS = 30_000;

/** A process with API and worker on a Postgres of its own; two write by mutations, two as a worker does, three follow. */
export async function openRestarts(): Promise<Restarts> {
  await using stack = new AsyncDisposableStack();
  const postgres = await startRestartablePostgres();
  stack.defer(() => postgres.stop());
  const dataDir = await temporaryFolder('restarts');
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const runcast = spawnRuncast(['start'], environment(postgres.url, dataDir));
  stack.defer(async () => void (await runcast.interrupt().catch(() => undefined)));
  const [, url = ''] = await runcast.printed(/Runcast is up at (\S+)\./);
  const database = createServiceDatabase({
    url: databaseUrls(postgres.url).worker,
    poolSize: 2,
    log: captureLog().log,
  });
  stack.defer(() => database.close());

  const { user, id } = await prepareRun(postgres.url);
  const askApi = (query: string, variables: object) => ask(url, query, variables, user);
  const scene = openScene({
    id,
    writes: [1, 2].flatMap(() => [byMutation(askApi, user, id), bySql(database.sql, id)]),
    followers: [1, 2, 3].map(() => follow(socketTo(url, user), id)),
    complete: () => completion(database.sql, id),
    admin: async () => {
      const admin = await connectFeed(postgres.url);
      parts.use(admin);
      return admin;
    },
  });
  const parts = stack.move();
  return {
    async restart(mode) {
      await scene.caughtUp();
      await postgres.restart(mode);
      const begun = performance.now();
      await untilReady(url);
      const readyAfterMs = performance.now() - begun;
      await scene.caughtUp();
      return readyAfterMs;
    },
    isAlive: () => runcast.child.exitCode === null && runcast.child.signalCode === null,
    finish: scene.finish,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function environment(databaseUrl: string, dataDir: string): Record<string, string> {
  return {
    PORT: '0',
    DATABASE_URL: databaseUrl,
    JWT_SECRET: JWT.secret,
    RUNCAST_DATA_DIR: dataDir,
    RATE_LIMIT_PER_USER: '0',
    GRAPHIQL: 'off',
  };
}

async function prepareRun(adminUrl: string) {
  await using admin = await connectFeed(adminUrl);
  const user = await makeUser(admin.client);
  return { user, id: await insertTraining(admin, user.id, { status: 'running' }) };
}

async function untilReady(url: string): Promise<void> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const answer = await fetch(`${url}/health/ready`, { signal: giveUp });
    if (answer.ok) return;
    await scheduler.wait(20, { signal: giveUp });
  }
}
