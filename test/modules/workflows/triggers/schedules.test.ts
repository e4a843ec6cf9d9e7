import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDueSchedules } from '../../../../src/modules/workflows/triggers/schedules.ts';
import { createServiceDatabase } from '../../../../src/platform/db/service.ts';
import { createLogger } from '../../../../src/platform/logger.ts';
import { startApi, type TestApi, type User } from '../../../support/api.ts';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { insertWorkflow } from '../../../support/workflows.ts';
import { mapping } from '../definitions.ts';

let api: TestApi;
let engine: Engine;
let user: User;

beforeAll(async () => {
  api = await startApi();
  engine = await openEngine(api.database);
  await engine.work();
  user = await member('member');
});
afterAll(async () => {
  await engine?.close();
  await api?.close();
});

async function member(role: string): Promise<User> {
  const made = await api.makeUser();
  await api.admin.query('insert into public.user_tenants (tenant_id, user_id, role) values ($1, $2, $3)', [
    ...[engine.tenantId, made.id, role],
  ]);
  return made;
}

const log = createLogger('silent');
const deps = () => ({ database: engine.service, faultsHere: () => [], log });
const work = () => startDueSchedules(deps());

/** Half an hour from now: a full hour that strikes while a test runs is due as well, and on time. */
const MINUTE = (new Date().getUTCMinutes() + 30) % 60;
const HOURLY = `${MINUTE} * * * *`;

/** A workflow that is due every hour, made by the user. */
const scheduled = (trigger: object = {}, rest: object = {}) =>
  engine.define([mapping('a', { at: 'input.scheduledAt' })], {
    trigger: { type: 'schedule', cron: HOURLY, timezone: 'UTC', ...trigger },
    createdBy: user.id,
    ...rest,
  });

async function rowOf(workflowId: string) {
  const { rows } = await api.admin.query(
    `select cron, timezone, missed, next_at as "nextAt", last_at as "lastAt", last_execution_id as "lastExecutionId",
       last_error as "lastError" from runcast.workflow_schedules where workflow_id = $1`,
    [workflowId],
  );
  return rows[0];
}

async function runsOf(workflowId: string) {
  const { rows } = await api.admin.query(
    'select id, user_id as "userId", tenant_id as "tenantId", input, metadata from public.workflow_executions where workflow_id = $1',
    [workflowId],
  );
  return rows;
}

/** As if it had been due then. @param ago an interval before now */
async function wasDue(workflowId: string, ago = '0 s') {
  await api.admin.query(
    `update runcast.workflow_schedules set next_at = date_trunc('second', now()) - $2::interval where workflow_id = $1`,
    [workflowId, ago],
  );
}

describe('follows the workflow’s row', () => {
  it('from when it is made to when it is deleted', async () => {
    const id = await scheduled({ missed: 'one' });
    expect(await rowOf(id)).toMatchObject({
      cron: HOURLY,
      timezone: 'UTC',
      missed: 'one',
      nextAt: null,
    });
    await work();
    const { nextAt } = await rowOf(id);
    expect(nextAt.getTime()).toBeGreaterThan(Date.now());
    expect(nextAt.getUTCMinutes()).toBe(MINUTE);

    await api.admin.query(
      `update public.workflows set trigger = trigger || '{"missed": "skip"}' where id = $1`,
      [id],
    );
    expect(await rowOf(id)).toMatchObject({ missed: 'skip', nextAt });
    await api.admin.query('update public.workflows set enabled = false where id = $1', [id]);
    expect((await rowOf(id)).nextAt).toBe(Number.POSITIVE_INFINITY);
    await api.admin.query('update public.workflows set enabled = true where id = $1', [id]);
    expect((await rowOf(id)).nextAt).toBeNull();
    await work();
    await api.admin.query(
      `update public.workflows set trigger = trigger || '{"cron": "30 7 * * *"}' where id = $1`,
      [id],
    );
    expect(await rowOf(id)).toMatchObject({ cron: '30 7 * * *', nextAt: null });
    await api.admin.query(`update public.workflows set trigger = '{"type": "manual"}' where id = $1`, [id]);
    expect(await rowOf(id)).toBeUndefined();
    await api.admin.query('delete from public.workflows where id = $1', [await scheduled()]);
  });

  it('also where it was there before, or its trigger was dropped', async () => {
    await api.admin.query('begin');
    await api.admin.query('drop trigger runcast_schedule on public.workflows');
    const trigger = { type: 'schedule', cron: '0 * * * *' };
    const id = await insertWorkflow(api.admin, engine.tenantId, { trigger });
    expect(await rowOf(id)).toBeUndefined();
    await api.admin.query('select runcast.attach_workflow_triggers()');
    expect(await rowOf(id)).toMatchObject({ nextAt: null });
    await api.admin.query('delete from public.workflows where id = $1', [id]);
    expect(await rowOf(id)).toBeUndefined();
    await api.admin.query('rollback');
  });

  it('with a reason where its cron or its zone cannot be read', async () => {
    const ids = [
      await scheduled({ cron: 'soon' }),
      await scheduled({ timezone: 'Mars/Olympus' }),
      await scheduled({ cron: 7 }),
    ];
    await work();
    for (const id of ids) {
      expect(await rowOf(id)).toMatchObject({
        nextAt: Number.POSITIVE_INFINITY,
        lastError: expect.stringContaining('cannot be read'),
      });
    }
  });
});

it('starts a run of whoever made it when it is due, and shows so', async () => {
  const workflowId = await scheduled();
  await wasDue(workflowId);
  const { nextAt: due } = await rowOf(workflowId);
  await work();
  const [run, ...others] = await runsOf(workflowId);
  expect(others).toEqual([]);
  expect(run).toMatchObject({
    userId: user.id,
    tenantId: engine.tenantId,
    input: { scheduledAt: due.toISOString() },
    metadata: { trigger: 'schedule', dueAt: due.toISOString() },
  });
  await engine.ended(run.id);
  const { data } = await api.ask(
    `query ($id: ID!) { workflow(id: $id) { schedule { nextAt lastAt lastError lastExecution { databaseId status output } } } }`,
    { id: workflowId },
    user,
  );
  expect(data.workflow.schedule).toMatchObject({
    lastAt: due.toISOString(),
    lastError: null,
    lastExecution: { databaseId: run.id, status: 'COMPLETED', output: { at: due.toISOString() } },
  });
  expect(Date.parse(data.workflow.schedule.nextAt)).toBeGreaterThan(Date.now());
});

it('starts one run where several workers are there, and one for a time however often it comes', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, () => scheduled()));
  await Promise.all(ids.map((id) => wasDue(id)));
  const { nextAt } = await rowOf(ids[0] ?? '');
  const second = createServiceDatabase({ url: api.database.worker, poolSize: 4, log });
  try {
    await Promise.all([work(), startDueSchedules({ ...deps(), database: second }), work()]);
  } finally {
    await second.close();
  }
  for (const id of ids) expect(await runsOf(id)).toHaveLength(1);
  await api.admin.query('update runcast.workflow_schedules set next_at = $2 where workflow_id = $1', [
    ids[0],
    nextAt,
  ]);
  await work();
  expect(await runsOf(ids[0] ?? '')).toHaveLength(1);
});

describe('where nobody worked for hours', () => {
  it('starts nothing and says so, by default', async () => {
    const workflowId = await scheduled();
    await wasDue(workflowId, '5 hours');
    await work();
    expect(await runsOf(workflowId)).toEqual([]);
    expect(await rowOf(workflowId)).toMatchObject({
      lastAt: null,
      lastError: expect.stringContaining('Nobody worked'),
    });
    expect((await rowOf(workflowId)).nextAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it('starts a single run, if that is wanted', async () => {
    const workflowId = await scheduled({ missed: 'one' });
    await wasDue(workflowId, '5 hours');
    await work();
    await work();
    expect(await runsOf(workflowId)).toHaveLength(1);
    expect((await rowOf(workflowId)).nextAt.getTime()).toBeGreaterThan(Date.now());
  });
});

describe('starts nothing, goes on, and says why, where', () => {
  it.each([
    [
      'it is not known who made it',
      async () => scheduled({}, { createdBy: undefined }),
      'not known who made',
    ],
    [
      'whoever made it only looks on by now',
      async () => scheduled({}, { createdBy: (await member('viewer')).id }),
      'no active admin or member',
    ],
    ['its definition is at fault', async () => scheduled({}, { steps: [] }), 'cannot be run'],
    [
      'it has an agent that its maker does not see',
      async () =>
        scheduled(
          {},
          {
            steps: [
              { id: randomUUID(), name: 'x', type: 'agent', config: { agentId: randomUUID(), input: {} } },
            ],
          },
        ),
      'cannot be run',
    ],
  ])('%s', async (_what, make, reason) => {
    const workflowId = await make();
    await wasDue(workflowId);
    await work();
    expect(await runsOf(workflowId)).toEqual([]);
    const row = await rowOf(workflowId);
    expect(row.lastError).toContain(reason);
    expect(row.nextAt.getTime()).toBeGreaterThan(Date.now());
  });

  it('the queue is full', async () => {
    await api.admin.query(`update public.tenants set limits = '{"maxQueuedRuns": 0}' where id = $1`, [
      engine.tenantId,
    ]);
    try {
      const workflowId = await scheduled();
      await wasDue(workflowId);
      const other = await scheduled({ cron: 'soon' });
      await work();
      expect(await runsOf(workflowId)).toEqual([]);
      expect((await rowOf(workflowId)).lastError).toContain('As many runs wait as may');
      expect((await rowOf(workflowId)).nextAt.getTime()).toBeGreaterThan(Date.now());
      expect((await rowOf(other)).lastError).toContain('cannot be read');
    } finally {
      await api.admin.query(`update public.tenants set limits = '{}' where id = $1`, [engine.tenantId]);
    }
  });
});
