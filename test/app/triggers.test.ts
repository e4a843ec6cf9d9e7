import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { id, type LooseStep } from '../modules/workflows/definitions.ts';
import { openWorkerBench, type WorkerBench } from '../support/training.ts';
import { type Engine, openEngine } from '../support/workflow-engine.ts';

let bench: WorkerBench;
let engine: Engine;
let listener: Client;

beforeAll(async () => {
  bench = await openWorkerBench();
  engine = await openEngine(bench.database);
  listener = new Client({ connectionString: bench.database.admin });
  await listener.connect();
  await listener.query('listen runcast_feed');
  await bench.startWorker();
});
afterAll(async () => {
  await listener?.end();
  await engine?.close();
  await bench?.close();
});

const ask: LooseStep = { id: id('a'), name: 'a', type: 'human', config: { prompt: 'Well?', required: true } };

/** The input of the workflow's first run, as soon as the feed tells of one. */
async function runOf(workflowId: string, make: () => Promise<unknown>): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const look = async () => {
    const { rows } = await engine.admin.query(
      'select input from public.workflow_executions where workflow_id = $1',
      [workflowId],
    );
    if (rows[0]) resolve(rows[0].input);
  };
  let looking = Promise.resolve();
  const onNotification = () => {
    looking = looking.then(look).catch(reject);
  };
  listener.on('notification', onNotification);
  await make();
  const input = await promise;
  listener.off('notification', onNotification);
  await looking;
  return input;
}

it('has a worker start what is due', async () => {
  const workflowId = await engine.define([ask], { trigger: { type: 'schedule', cron: '0 0 1 1 *' } });
  const input = await runOf(workflowId, () =>
    engine.admin.query(
      `update runcast.workflow_schedules set next_at = '2026-01-01', missed = 'one' where workflow_id = $1`,
      [workflowId],
    ),
  );
  expect(input).toEqual({ scheduledAt: '2026-01-01T00:00:00.000Z' });
});

it('has a worker start what listens for an event whose conditions hold', async () => {
  const conditions = [{ field: 'input.properties.n', operator: 'greaterThan', value: 1 }];
  const workflowId = await engine.define([ask], {
    trigger: { type: 'event', eventName: 'user_action', conditions },
  });
  const input = await runOf(workflowId, () =>
    engine.admin.query(
      `insert into public.telemetry_events (type, user_id, tenant_id, properties)
       values ('user_action', $1, $2, '{"n": 1}'), ('user_action', $1, $2, '{"n": 2}')`,
      [engine.user, engine.tenantId],
    ),
  );
  expect(input).toMatchObject({ type: 'user_action', properties: { n: 2 } });
});
