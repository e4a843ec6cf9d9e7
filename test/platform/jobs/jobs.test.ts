import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { PgBoss } from 'pg-boss';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Sql } from '../../../src/platform/db/sql.ts';
import { createBoss, startBoss, work } from '../../../src/platform/jobs/boss.ts';
import { defineJob } from '../../../src/platform/jobs/define.ts';
import { enqueue } from '../../../src/platform/jobs/enqueue.ts';
import { installJobs } from '../../../src/platform/jobs/install.ts';
import { captureLog } from '../../support/log.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

type Payload = { n: number };
const counting = defineJob({
  name: 'test.count',
  payload: z.object({ n: z.int() }),
  handle: async ({ n }: Payload, count: (n: number) => void) => count(n),
});

let database: TestDatabase;
let client: Client;
let sql: Sql;

beforeAll(async () => {
  database = await createTestDatabase();
  await installJobs({ adminUrl: database.admin, queues: [counting] });
  client = new Client({ connectionString: database.admin });
  await client.connect();
  sql = { query: async (text, values = []) => (await client.query(text, [...values])).rows };
});

afterAll(async () => {
  await client?.end();
  await database?.drop();
});

/** Runs the jobs of the queue until so many were handled. */
async function handle(jobs: number): Promise<number[]> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const handled: number[] = [];
  const { log } = captureLog();
  const boss = createBoss({ url: database.worker, log });
  await boss.start();
  try {
    await work(boss, counting, (n) => handled.push(n) === jobs && resolve(), { concurrency: 2, log });
    await promise;
  } finally {
    await boss.stop({ timeout: 2_000 });
  }
  return handled;
}

it('leaves nothing of a job that was enqueued in a transaction that is rolled back', async () => {
  await client.query('begin');
  const id = await enqueue(sql, counting, { n: 1 });
  await client.query('rollback');
  expect(await sql.query('select id from pgboss.job where id = $1', [id])).toEqual([]);
});

it('refuses a payload that is not the job’s, and a queue that nobody made', async () => {
  await expect(enqueue(sql, counting, { n: 1.5 })).rejects.toThrow(z.ZodError);
  await expect(enqueue(sql, { ...counting, name: 'test.absent' }, { n: 1 })).rejects.toMatchObject({
    code: '42704',
  });
});

it('writes the row that pg-boss itself would write, and wakes the workers as it does', async () => {
  const boss = new PgBoss({
    connectionString: database.admin,
    migrate: false,
    supervise: false,
    schedule: false,
  });
  boss.on('error', () => {});
  await boss.start();
  const {
    rows: [channel],
  } = await client.query(`select 'pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24) as name`);
  await client.query(`listen ${channel.name}`);
  const heard: unknown[] = [];
  client.on('notification', ({ channel, payload }) => heard.push([channel, payload]));
  const sent = await boss.send(counting.name, { n: 7 });
  await boss.stop({ graceful: false });
  // Any answer brings the notification that was committed before it.
  await client.query('select 1');
  expect(heard).toEqual([[channel.name, counting.name]]);

  const id = await enqueue(sql, counting, { n: 7 });
  await client.query('select 1');
  expect(heard).toEqual([heard[0], heard[0]]);

  const columns = `to_jsonb(j) - array['id', 'start_after', 'created_on', 'keep_until']
    || jsonb_build_object('kept', keep_until - start_after, 'late', start_after - created_on)`;
  const rows = await sql.query<{ id: string; row: unknown }>(
    `select id, ${columns} as row from pgboss.job j where id = any($1)`,
    [[sent, id]],
  );
  const rowOf = (wanted: unknown) => rows.find((row) => row.id === wanted)?.row;
  expect(rowOf(id)).toBeDefined();
  expect(rowOf(id)).toEqual(rowOf(sent));
  await client.query('delete from pgboss.job');
});

it('puts back what a dead worker has left as soon as it starts', async () => {
  const id = await enqueue(sql, counting, { n: 4 });
  await sql.query(
    `update pgboss.job set state = 'active', started_on = now() - interval '1 h', heartbeat_on = now() - interval '1 h'
     where id = $1`,
    [id],
  );
  const { log } = captureLog();
  const boss = createBoss({ url: database.worker, log });
  await startBoss(boss);
  const [job] = await sql.query<{ state: string }>('select state from pgboss.job where id = $1', [id]);
  await boss.stop({ graceful: false });
  expect(job?.state).toBe('retry');
  expect(await handle(1)).toEqual([4]);
});

it('drains a backlog without waiting between two jobs', async () => {
  const jobs = 200;
  for (let n = 0; n < jobs; n += 1) await enqueue(sql, counting, { n });
  const begun = performance.now();
  const handled = await handle(jobs);
  // A slot that polled once a second between two jobs would need 100 s.
  expect(performance.now() - begun).toBeLessThan(30_000);
  expect(handled.toSorted((a, b) => a - b)).toEqual(Array.from({ length: jobs }, (_, n) => n));
});

it('sets a job aside whose payload no version of ours wrote', async () => {
  const [{ id } = { id: '' }] = await sql.query<{ id: string }>(
    `select runcast.enqueue_job('test.count', '{"n": "many"}') as id`,
  );
  await enqueue(sql, counting, { n: 2 });
  await enqueue(sql, counting, { n: 3 });
  expect(await handle(2)).toEqual(expect.arrayContaining([2, 3]));
  const [job] = await sql.query<{ state: string }>('select state from pgboss.job where id = $1', [id]);
  expect(job?.state).toBe('failed');
});

it('gives pg-boss’s schema to the worker alone, also where default privileges give everything away', async () => {
  const roles = ['anon', 'authenticated', 'service_role', 'runcast_api'];
  await client.query(
    `alter default privileges grant all on tables to anon, authenticated, service_role;
     alter default privileges grant all on schemas to anon, authenticated, service_role;
     drop schema pgboss cascade`,
  );
  await installJobs({ adminUrl: database.admin, queues: [counting] });
  const rights = await sql.query(
    `select role, has_schema_privilege(role, 'pgboss', 'usage') as usage,
       has_table_privilege(role, 'pgboss.job', 'select, insert, update, delete') as job,
       has_table_privilege(role, 'pgboss.job_common', 'select') as partition
     from unnest($1::text[]) role`,
    [[...roles, 'runcast_worker']],
  );
  expect(rights).toEqual([
    ...roles.map((role) => ({ role, usage: false, job: false, partition: false })),
    { role: 'runcast_worker', usage: true, job: true, partition: true },
  ]);
  const open = await sql.query<{ role: string }>(
    `select role from unnest($1::text[]) role
     where has_function_privilege(role, 'runcast.enqueue_job(text, jsonb, timestamptz, text, integer)', 'execute')`,
    [roles],
  );
  expect(open).toEqual([{ role: 'service_role' }]);
});

it('installs as a migrator that is no superuser, and again, and the worker starts without any such right', async () => {
  const name = `migrator_${randomBytes(6).toString('hex')}`;
  await client.query(`create role ${name} login createrole password 'secret'`);
  await client.query(`create database ${name} owner ${name}`);
  onTestFinished(async () => {
    await client.query(`drop database ${name} with (force)`);
    await client.query(`drop role ${name}`);
  });
  const on = (url: string, login?: string): string => {
    const target = new URL(url);
    target.pathname = `/${name}`;
    if (login !== undefined) [target.username, target.password] = [login, 'secret'];
    return target.href;
  };
  const { log } = captureLog();
  const boss = createBoss({ url: on(database.worker), log });
  await expect(startBoss(boss)).rejects.toThrow(/run npm run migrate:apply/);
  const adminUrl = on(database.admin, name);
  await installJobs({ adminUrl, queues: [counting] });
  await installJobs({ adminUrl, queues: [{ ...counting, options: { ...counting.options, retryDelay: 5 } }] });
  await startBoss(boss);
  expect(await boss.getQueue(counting.name)).toMatchObject({
    heartbeatSeconds: 10,
    retryDelay: 5,
    notify: true,
  });
  await boss.stop({ graceful: false });
});
