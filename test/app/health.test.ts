import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorker, type Worker } from '../../src/app/worker.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { type Data, startApi, type TestApi } from '../support/api.ts';
import { captureLog } from '../support/log.ts';

let worker: Worker;
let api: TestApi;
beforeAll(async () => {
  api = await startApi({ readiness: { queue: () => worker.isReady() } });
  worker = createWorker({
    config: loadConfig({}, '/'),
    workerUrl: api.database.worker,
    log: captureLog().log,
  });
});
afterAll(async () => {
  await worker.stop(1_000);
  await api.close();
});

async function ready(url = api.url): Promise<{ httpStatus: number } & Data> {
  const answer = await fetch(`${url}/health/ready`);
  return { httpStatus: answer.status, ...((await answer.json()) as object) };
}

it('names the queue in a process without a worker too', async () => {
  const alone = await startApi();
  await alone.live.started;
  const checks = { database: 'ok', listener: 'ok', queue: 'ok' };
  expect(await ready(alone.url)).toEqual({ httpStatus: 200, status: 'ok', checks });
  await alone.close();
});

it('is not ready before its worker is', async () => {
  expect((await ready()).checks.queue).toBe('failed');
  await worker.start();
  await api.live.started;
  expect(await ready()).toMatchObject({ httpStatus: 200, checks: { queue: 'ok' } });
});

it('says of each that it is gone at once when Postgres is', async () => {
  const other = new Client({ connectionString: api.database.admin.replace(api.database.name, 'postgres') });
  await other.connect();
  await other.query(`alter database ${api.database.name} with allow_connections false`);
  await other.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    api.database.name,
  ]);
  await other.end();
  const { httpStatus, status, checks } = await ready();
  expect({ httpStatus, status }).toEqual({ httpStatus: 503, status: 'failed' });
  expect(checks).toMatchObject({ database: 'failed', queue: 'failed' });
  expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
});
