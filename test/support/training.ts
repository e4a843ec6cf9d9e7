import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, type Notification } from 'pg';
import { createWorker, type Worker } from '../../src/app/worker.ts';
import { type Config, loadConfig } from '../../src/platform/config.ts';
import type { ExecutionEvent } from '../../src/platform/feed/events.ts';
import { readEvents, requestCancel, startExecution } from '../../src/platform/feed/feed.ts';
import { type CapturedLog, captureLog } from './log.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

/** One step of test/fixtures/trainers/scripted.mjs. */
export type Action = Record<string, unknown>;

export const trainers = fileURLToPath(new URL('../fixtures/trainers', import.meta.url));

export type TrainingDatabase = {
  admin: Client;
  userId: string;
  /** Inserts an execution of a new public config and starts it, in one transaction as its user. */
  start(run: {
    config?: object;
    script?: Action[];
    storagePath?: string;
    method?: string;
    provider?: string;
    format?: string;
  }): Promise<string>;
  cancel(executionId: string, reason: string): Promise<void>;
  /** Resolves with all events once they satisfy the condition, which is looked at after every hint. */
  until(executionId: string, holds: (events: ExecutionEvent[]) => boolean): Promise<ExecutionEvent[]>;
  close(): Promise<void>;
};

/** A database with one user, and a connection of the administrator's that follows the feed. */
export async function openTraining(database: Pick<TestDatabase, 'admin'>): Promise<TrainingDatabase> {
  const admin = new Client({ connectionString: database.admin });
  const listener = new Client({ connectionString: database.admin });
  // A test may restart or drop the database.
  for (const client of [admin, listener]) client.on('error', () => {});
  await Promise.all([admin.connect(), listener.connect()]);
  await listener.query('listen runcast_feed');
  const userId = randomUUID();
  await admin.query('insert into auth.users (id, email) values ($1, $2)', [userId, `${userId}@example.com`]);
  const query = async <Row>(text: string, values: readonly unknown[] = []) =>
    (await admin.query(text, [...values])).rows as Row[];

  return {
    admin,
    userId,
    async start({
      config,
      script,
      storagePath,
      method = 'sft',
      provider = 'local',
      format = 'prompt_completion',
    }) {
      const publicId = `config-${randomUUID()}`;
      const id = `exec_${randomUUID()}`;
      await admin.query('begin');
      await admin.query(
        `with c as (
           insert into public.training_configs (user_id, name, public_id, is_public, config_json)
           values ($1, 'test', $2, true, $3) returning id),
         d as (
           insert into public.training_datasets (user_id, name, storage_path, format)
           select $1, 'data', $4, $5 where $4::text is not null returning id)
         insert into public.training_config_datasets (config_id, dataset_id) select c.id, d.id from c, d`,
        [userId, publicId, { ...config, ...(script && { script }) }, storagePath ?? null, format],
      );
      await admin.query('set local role authenticated; ');
      await admin.query("select set_config('request.jwt.claims', $1, true)", [
        JSON.stringify({ role: 'authenticated', sub: userId }),
      ]);
      await admin.query(
        `insert into public.training_executions (id, user_id, public_id, method, provider)
         values ($1, $2, $3, $4, $5)`,
        [id, userId, publicId, method, provider],
      );
      await startExecution({ query }, { kind: 'training', id });
      await admin.query('commit');
      return id;
    },
    async cancel(id, reason) {
      await admin.query('begin');
      await admin.query(`select set_config('request.jwt.claims', '{"role":"service_role"}', true)`);
      await requestCancel({ query }, { kind: 'training', id, reason });
      await admin.query('commit');
    },
    async until(executionId, holds) {
      const events: ExecutionEvent[] = [];
      let hint = Promise.withResolvers<void>();
      const onHint = ({ payload }: Notification): void => {
        if (payload?.includes(executionId)) hint.resolve();
      };
      listener.on('notification', onHint);
      try {
        for (;;) {
          const after = events.at(-1)?.seq ?? 0;
          events.push(
            ...(await readEvents({ query }, { kind: 'training', id: executionId, after, limit: 100_000 })),
          );
          if (holds(events)) return events;
          await hint.promise;
          hint = Promise.withResolvers<void>();
        }
      } finally {
        listener.off('notification', onHint);
      }
    },
    close: async () => {
      await Promise.all([admin.end(), listener.end()]);
    },
  };
}

/** The lines of a run, in order. */
export function linesOf(events: readonly ExecutionEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'log' ? [event.payload.message] : []));
}

/** The statuses that a run went through, as `to`, with the reason behind a colon where there is one. */
export function statusesOf(events: readonly ExecutionEvent[]): string[] {
  return events.flatMap(({ type, payload }) => {
    if (type !== 'status') return [];
    return [payload.reason === undefined ? payload.to : `${payload.to}: ${payload.reason}`];
  });
}

export const hasEnded = (events: readonly ExecutionEvent[]): boolean =>
  events.some(
    ({ type, payload }) => type === 'status' && ['completed', 'failed', 'cancelled'].includes(payload.to),
  );

export const hasLine = (line: string | RegExp) => (events: readonly ExecutionEvent[]) =>
  linesOf(events).some((other) => (typeof line === 'string' ? other === line : line.test(other)));

export type WorkerBench = TrainingDatabase & {
  database: TestDatabase;
  config: Config;
  log: CapturedLog;
  /** Starts a worker in this process, which `close` stops. Default command: test/fixtures/trainers/scripted.mjs. */
  startWorker(local?: Partial<Config['local']> | 'trainer shipped'): Promise<Worker>;
};

/** A database, a data folder and workers in this process, for one test file. */
export async function openWorkerBench(): Promise<WorkerBench> {
  const database = await createTestDatabase();
  const training = await openTraining(database);
  const { config, remove } = await workerConfig();
  const { command: _scripted, ...shipped } = config.local;
  const log = captureLog();
  const workers: Worker[] = [];
  return {
    ...training,
    database,
    config,
    log,
    async startWorker(local) {
      const worker = createWorker({
        config: { ...config, local: local === 'trainer shipped' ? shipped : { ...config.local, ...local } },
        workerUrl: database.worker,
        log: log.log,
        environment: { ...process.env, JWT_SECRET: 'not for trainers', HF_HOME: '/models' },
      });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    async close() {
      for (const worker of workers) await worker.stop(4_000);
      await training.close();
      await database.drop();
      await remove();
    },
  };
}

/** A worker's configuration, with a data folder of its own that holds one small dataset, `datasets/data.jsonl`. */
export async function workerConfig(
  local: Partial<Config['local']> = {},
): Promise<{ config: Config; remove(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'runcast-worker-'));
  await mkdir(join(dataDir, 'datasets'));
  await writeFile(join(dataDir, 'datasets', 'data.jsonl'), '{"prompt":"a","completion":"b"}\n');
  const config = loadConfig({ RUNCAST_DATA_DIR: dataDir, LOG_LEVEL: 'warn' }, '/');
  const command = [process.execPath, join(trainers, 'scripted.mjs')];
  return {
    config: { ...config, local: { ...config.local, command, ...local } },
    remove: () => rm(dataDir, { recursive: true, force: true }),
  };
}
