import { EventEmitter, once } from 'node:events';
import type { PgBoss } from 'pg-boss';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPureRunners } from '../../../../src/modules/steps/pure-runners.ts';
import { hearEvent } from '../../../../src/modules/workflows/jobs/hear-event.ts';
import { finishExecution, startExecution, takeExecution } from '../../../../src/platform/feed/feed.ts';
import { createBoss, work } from '../../../../src/platform/jobs/boss.ts';
import { createLogger } from '../../../../src/platform/logger.ts';
import { createSandbox } from '../../../../src/platform/sandbox/sandbox.ts';
import { startApi, type TestApi, type User } from '../../../support/api.ts';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { insertWorkflow } from '../../../support/workflows.ts';
import { mapping } from '../definitions.ts';

let api: TestApi;
let engine: Engine;
let boss: PgBoss;
let user: User;
const sandbox = createSandbox({ processes: 1 });
/** Tells of every job that was done, by the id that it points to. */
const heard = new EventEmitter();
const done: string[] = [];

beforeAll(async () => {
  api = await startApi();
  engine = await openEngine(api.database);
  await engine.work();
  user = await member('member');
  const log = createLogger('silent');
  const { conditions } = createPureRunners({ sandbox });
  const deps = { database: engine.service, holds: conditions.holds, faultsHere: () => [], log };
  const told: typeof hearEvent = {
    ...hearEvent,
    async handle(pointer, ...rest) {
      await hearEvent.handle(pointer, ...rest);
      done.push('eventId' in pointer ? pointer.eventId : pointer.trainingId);
      heard.emit('job');
    },
  };
  boss = createBoss({ url: api.database.worker, log });
  await boss.start();
  await work(boss, told, deps, { concurrency: 2, log });
});
afterAll(async () => {
  await boss?.stop({ graceful: true, timeout: 5_000 });
  await sandbox.close();
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

/** Looks again after every event that was looked at, until this is something. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const next = once(heard, 'job');
    const found = await look();
    if (found !== undefined) return found;
    await next;
  }
}

const listening = (eventName: string, conditions: object[] = [], rest: object = {}) =>
  engine.define([mapping('a', { got: 'input.properties.n' })], {
    trigger: { type: 'event', eventName, conditions },
    createdBy: user.id,
    ...rest,
  });

type Telemetry = { type: string; userId?: string | null; tenantId?: string | null; properties?: object };

async function happen({ type, userId = user.id, tenantId = engine.tenantId, properties = {} }: Telemetry) {
  const { rows } = await api.admin.query<{ id: string }>(
    'insert into public.telemetry_events (type, user_id, tenant_id, properties) values ($1, $2, $3, $4) returning id',
    [type, userId, tenantId, properties],
  );
  return rows[0]?.id ?? '';
}

/** Resolves once the event was looked at, so often. */
const lookedAt = (id: string, times = 1) =>
  until(async () => (done.filter((one) => one === id).length >= times ? id : undefined));

const heardOf = async (telemetry: Telemetry) => await lookedAt(await happen(telemetry));

const jobsOf = async (eventId: string) =>
  (
    await api.admin.query(
      `select id from pgboss.job where name = 'workflow.event' and data ->> 'eventId' = $1`,
      [eventId],
    )
  ).rows;

async function runsOf(workflowId: string) {
  const { rows } = await api.admin.query(
    `select e.id, e.user_id as "userId", e.input, e.metadata, s.depth from public.workflow_executions e
     join runcast.execution_streams s on s.kind = 'workflow' and s.execution_id = e.id::text
     where e.workflow_id = $1 order by s.depth`,
    [workflowId],
  );
  return rows;
}

async function faultsOf(workflowId: string) {
  const { rows } = await api.admin.query(
    `select user_id as "userId", error, context from public.error_logs where context ->> 'workflowId' = $1`,
    [workflowId],
  );
  return rows;
}

it('starts a run of whoever made the workflow, with the event as its input, once', async () => {
  const workflowId = await listening('user_action');
  const eventId = await heardOf({ type: 'user_action', properties: { n: 7 } });
  const [run, ...others] = await runsOf(workflowId);
  expect(others).toEqual([]);
  expect(run).toMatchObject({
    userId: user.id,
    depth: 0,
    input: {
      ...{ type: 'user_action', userId: user.id, tenantId: engine.tenantId, properties: { n: 7 } },
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    },
    metadata: { trigger: 'event', eventName: 'user_action', eventId },
  });
  await engine.ended(run.id);
  expect(await engine.execution(run.id)).toMatchObject({ status: 'completed', output: { got: 7 } });

  await api.admin.query(
    `select runcast.enqueue_job('workflow.event', jsonb_build_object('eventId', $1::text))`,
    [eventId],
  );
  await lookedAt(eventId, 2);
  expect(await runsOf(workflowId)).toHaveLength(1);
});

it('asks the conditions of each workflow, and what is wrong with one keeps no other from starting', async () => {
  const above = (value: number) => ({ field: 'input.properties.n', operator: 'greaterThan', value });
  const type = 'performance';
  const [low, high, faulty, endless, disabled] = await Promise.all([
    listening(type, [above(1)]),
    listening(type, [above(100)]),
    listening(type, [above(1)], { steps: [] }),
    listening(type, [{ field: '$error("no")', operator: 'equals', value: 1 }]),
    listening(type, [], { enabled: false }),
  ]);
  await heardOf({ type, properties: { n: 10 } });
  expect(await runsOf(low)).toHaveLength(1);
  for (const workflowId of [high, faulty, endless, disabled]) expect(await runsOf(workflowId)).toEqual([]);
  for (const workflowId of [faulty, endless]) {
    expect(await faultsOf(workflowId)).toMatchObject([{ userId: user.id, error: { code: 'INVALID' } }]);
  }
  for (const workflowId of [low, high, disabled]) expect(await faultsOf(workflowId)).toEqual([]);
});

describe('is heard', () => {
  it('within its tenant alone', async () => {
    const workflowId = await listening('security');
    const other = await openEngine(api.database);
    const theirs = await insertWorkflow(api.admin, other.tenantId, {
      trigger: { type: 'event', eventName: 'security' },
      createdBy: other.user,
    });
    await heardOf({ type: 'security' });
    expect(await runsOf(workflowId)).toHaveLength(1);
    expect(await runsOf(theirs)).toEqual([]);
    expect(await faultsOf(theirs)).toEqual([]);
    await other.close();
  });

  it('without a tenant by what its user made for none', async () => {
    const steps = [mapping('a', {})];
    const values = { trigger: { type: 'event', eventName: 'error' }, steps, startStepId: steps[0]?.id ?? '' };
    const mine = await insertWorkflow(api.admin, null, { ...values, createdBy: user.id });
    const theirs = await insertWorkflow(api.admin, null, { ...values, createdBy: engine.user });
    await heardOf({ type: 'error', tenantId: null });
    expect(await runsOf(mine)).toHaveLength(1);
    expect(await runsOf(theirs)).toEqual([]);
  });

  it('by nobody where nobody listens for it: then there is no job either', async () => {
    expect(await jobsOf(await happen({ type: 'agent_invoked' }))).toEqual([]);
    await listening('api_call', [], { enabled: false });
    expect(await jobsOf(await happen({ type: 'api_call' }))).toEqual([]);
  });

  it('from users where they may start runs themselves, and from services of anybody', async () => {
    await listening('agent_completed');
    const looksOn = await member('viewer');
    const insertAs = ({ id }: User) =>
      engine.as(id, async (sql) => {
        const [row] = await sql.query<{ id: string }>(
          `insert into public.telemetry_events (type, user_id, tenant_id) values ('agent_completed', $1, $2) returning id`,
          [id, engine.tenantId],
        );
        return row?.id ?? '';
      });
    expect(await jobsOf(await insertAs(looksOn))).toHaveLength(0);
    expect(await jobsOf(await insertAs(user))).toHaveLength(1);
    expect(await jobsOf(await happen({ type: 'agent_completed', userId: looksOn.id }))).toHaveLength(1);
  });

  it('by no workflow where the queue is missing, and is written all the same', async () => {
    await listening('agent_failed');
    await api.admin.query('begin');
    await api.admin.query('alter table pgboss.queue rename to queue_away');
    const { rows } = await api.admin.query(
      `insert into public.telemetry_events (type, user_id, tenant_id) values ('agent_failed', $1, $2) returning id`,
      [user.id, engine.tenantId],
    );
    expect(rows).toHaveLength(1);
    await api.admin.query('rollback');
  });
});

it('hears how training runs of ours end', async () => {
  const workflowId = await listening('training_failed', [
    { field: 'input.properties.publicId', operator: 'equals', value: 'tales' },
  ]);
  const unheard = await listening('training_completed');
  const id = await engine.service.transaction(async (sql) => {
    const [row] = await sql.query<{ id: string }>(
      `insert into public.training_executions (user_id, public_id, method, provider)
       values ($1, 'tales', 'sft', 'local') returning id`,
      [user.id],
    );
    await startExecution(sql, { kind: 'training', id: row?.id ?? '', tenantId: engine.tenantId });
    return row?.id ?? '';
  });
  const run = { kind: 'training', id } as const;
  const attempt = (await takeExecution(engine.sql, { ...run, worker: 'here' })) ?? 0;
  await finishExecution(engine.sql, { ...run, attempt, status: 'failed', error: 'out of memory' });
  await lookedAt(id);
  expect(await runsOf(workflowId)).toMatchObject([
    {
      depth: 1,
      input: {
        type: 'training_failed',
        properties: { executionId: id, publicId: 'tales', error: 'out of memory' },
      },
    },
  ]);
  expect(await runsOf(unheard)).toEqual([]);
});

it('ends a circle of workflows that trigger each other after ten runs, and tells their owner', async () => {
  const [ping, pong] = [await listening('workflow_completed'), await listening('workflow_completed')];
  const follows = (workflowId: string, other: string) =>
    api.admin.query(`update public.workflows set trigger = $2 where id = $1`, [
      workflowId,
      {
        type: 'event',
        eventName: 'workflow_completed',
        conditions: [{ field: 'input.properties.workflowId', operator: 'equals', value: other }],
      },
    ]);
  await follows(ping, pong);
  await follows(pong, ping);
  await engine.start(ping);
  const [fault] = await until(async () => {
    const faults = [...(await faultsOf(ping)), ...(await faultsOf(pong))];
    return faults.length > 0 ? faults : undefined;
  });
  expect(fault).toMatchObject({ userId: user.id, error: { code: 'TOO_DEEP' } });
  const depths = [...(await runsOf(ping)), ...(await runsOf(pong))]
    .map(({ depth }) => depth)
    .sort((a, b) => a - b);
  expect(depths).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it('counts what a step wrote as its run’s, whatever the event says of itself', async () => {
  const workflowId = await listening('user_action', [
    { field: 'input.properties.from', operator: 'equals', value: 'step' },
  ]);
  const writer = await engine.start(await engine.define([mapping('a', {})]));
  await engine.ended(writer);
  await api.admin.query(
    `update runcast.execution_streams set depth = 4 where kind = 'workflow' and execution_id = $1`,
    [writer],
  );
  const { rows } = await api.admin.query<{ id: string }>(
    `insert into public.telemetry_events (type, user_id, tenant_id, properties, metadata)
     values ('user_action', $1, $2, '{"from": "step", "depth": -5}', $3) returning id`,
    [user.id, engine.tenantId, { runcast: { kind: 'workflow', executionId: writer } }],
  );
  await lookedAt(rows[0]?.id ?? '');
  expect(await runsOf(workflowId)).toMatchObject([{ depth: 5 }]);
});
