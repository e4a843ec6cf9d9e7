import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  decideApproval,
  pauseWorkflow,
  resumeWorkflow,
} from '../../../../src/modules/workflows/engine/sql.ts';
import { loadWorkflow, startFromStep } from '../../../../src/modules/workflows/engine/start.ts';
import type { ExecutionEvent } from '../../../../src/platform/feed/events.ts';
import { requestCancel } from '../../../../src/platform/feed/feed.ts';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { delay, id, type LooseStep, loop, mapping } from '../definitions.ts';

let engine: Engine;
let worker: Awaited<ReturnType<Engine['work']>>;
const called: string[] = [];
const holds = new Map<string, PromiseWithResolvers<void>>();
const aborted = Promise.withResolvers<unknown>();
const ended = Promise.withResolvers<unknown>();

beforeAll(async () => {
  engine = await openEngine();
  worker = await engine.work(async ({ url }, { execution, signal }) => {
    called.push(`${execution.id} ${url.split('/').at(-1)}`);
    if (url.endsWith('/hang')) {
      whenAborted(signal, aborted.resolve);
      await new Promise(() => {});
    }
    if (url.endsWith('/hung')) whenAborted(signal, ended.resolve);
    await holds.get(url.split('/').at(-1) ?? '')?.promise;
    return url;
  });
});
afterAll(() => engine?.close());

const call = (name: string, rest: Record<string, unknown> = {}): LooseStep => ({
  ...{ id: id(name), name, type: 'webhook' },
  config: { url: `https://example.com/${name}`, method: 'POST' },
  ...rest,
});
const ask = (name: string, config: Record<string, unknown> = {}, rest = {}): LooseStep => ({
  ...{ id: id(name), name, type: 'human' },
  config: { prompt: 'Go on?', required: true, ...config },
  ...rest,
});
function whenAborted(signal: AbortSignal, tell: (reason: unknown) => void): void {
  if (signal.aborted) tell(signal.reason);
  else signal.addEventListener('abort', () => tell(signal.reason));
}

/** Has the worker look after its steps, as it does every second, until this has happened: it may not have begun yet. */
async function checkedUntil<T>(happened: Promise<T>): Promise<T> {
  let isOver = false;
  void happened.then(() => {
    isOver = true;
  });
  while (!isOver) await worker.check();
  return await happened;
}

const isStep = (name: string, state: string) => (events: ExecutionEvent[]) =>
  events.some(({ type, payload }) => type === 'step' && payload.name === name && payload.state === state);
const refusal = (code: string) => expect.objectContaining({ code });

it('waits for a decision without a worker, and goes on with it', async () => {
  const execution = await engine.start(
    await engine.define([ask('a'), mapping('z', { said: `steps.${id('a')}.output.comment` })]),
  );
  const events = await engine.until(execution, isStep('a', 'awaiting'));
  expect(events.at(-1)).toMatchObject({ type: 'approval', payload: { stepId: id('a'), prompt: 'Go on?' } });
  expect(worker.steps.count).toBe(0);
  const decision = { executionId: execution, stepId: id('a'), decision: 'approved', comment: 'yes' } as const;
  await engine.as(engine.user, (sql) => decideApproval(sql, decision));
  const all = await engine.ended(execution);
  expect(all.find(({ type, payload }) => type === 'approval' && payload.decision)).toMatchObject({
    payload: { decision: 'approved', by: engine.user },
  });
  expect((await engine.execution(execution)).output).toEqual({ said: 'yes' });
  // The answer is given once.
  await expect(engine.as(engine.user, (sql) => decideApproval(sql, decision))).rejects.toEqual(
    refusal('NOT_ASKED'),
  );
});

it('fails on a refusal that matters, and goes on with one that does not', async () => {
  for (const [required, status] of [
    [true, 'failed'],
    [false, 'completed'],
  ] as const) {
    const execution = await engine.start(await engine.define([ask('a', { required })]));
    await engine.until(execution, isStep('a', 'awaiting'));
    await engine.as(engine.user, (sql) =>
      decideApproval(sql, { executionId: execution, stepId: id('a'), decision: 'rejected', comment: 'no' }),
    );
    await engine.ended(execution);
    expect((await engine.execution(execution)).status).toBe(status);
  }
});

it('lets whom it is assigned to decide, and nobody else', async () => {
  const [assigned, other] = [await engine.makeUser(), await engine.makeUser('admin')];
  const execution = await engine.start(await engine.define([ask('a', { assignTo: assigned })]));
  await engine.until(execution, isStep('a', 'awaiting'));
  const decision = { executionId: execution, stepId: id('a'), decision: 'approved' } as const;
  for (const user of [other, engine.user]) {
    await expect(engine.as(user, (sql) => decideApproval(sql, decision))).rejects.toEqual(
      refusal('STREAM_NOT_FOUND'),
    );
  }
  const seen = (user: string) =>
    engine.as(user, (sql) =>
      sql.query('select prompt from runcast.approvals where execution_id = $1', [execution]),
    );
  expect([await seen(assigned), await seen(engine.user), await seen(other)]).toEqual([
    [{ prompt: 'Go on?' }],
    [{ prompt: 'Go on?' }],
    [],
  ]);
  await engine.as(assigned, (sql) => decideApproval(sql, decision));
  await engine.ended(execution);
});

it('ends the patience with a question', async () => {
  const execution = await engine.start(
    await engine.define([ask('a', { timeout: 1 }, { onError: 'skip' }), call('b')]),
  );
  await engine.ended(execution);
  expect(await engine.steps(execution)).toMatchObject([
    { state: 'skipped', error: { code: 'TIMEOUT' } },
    { state: 'completed' },
  ]);
  const { rows } = await engine.admin.query(
    'select decision from runcast.approvals where execution_id = $1',
    [execution],
  );
  expect(rows).toEqual([{ decision: 'expired' }]);
});

it('begins nothing while it is paused, lets what runs end, and goes on where it was', async () => {
  const hold = Promise.withResolvers<void>();
  holds.set('held', hold);
  const each = loop('l', ['x']);
  const execution = await engine.start(
    await engine.define([call('held'), each, mapping('x', { i: 'vars.index' }), call('b')]),
    { input: { items: [1, 2] } },
  );
  await engine.until(execution, isStep('held', 'running'));
  await engine.as(engine.user, (sql) => pauseWorkflow(sql, execution, 'lunch'));
  hold.resolve();
  const paused = await engine.until(execution, isStep('held', 'completed'));
  expect(paused.some(isStepOf('l'))).toBe(false);
  expect(await engine.execution(execution)).toMatchObject({ status: 'paused' });
  await engine.as(engine.user, (sql) => resumeWorkflow(sql, execution));
  await engine.ended(execution);
  expect((await engine.execution(execution)).status).toBe('completed');
  await expect(engine.as(engine.user, (sql) => resumeWorkflow(sql, execution))).rejects.toEqual(
    refusal('NOT_PAUSED'),
  );
});

const isStepOf =
  (name: string) =>
  ({ type, payload }: ExecutionEvent) =>
    type === 'step' && payload.name === name;

it('goes on once after a pause in which an inner and an outer place were over', async () => {
  const [inner, outer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  holds.set('inner', inner);
  holds.set('outer', outer);
  const next = (...names: string[]) => ({ metadata: { next: names.map(id) } });
  const execution = await engine.start(
    await engine.define([
      mapping('a', {}, next('l', 'outer')),
      { ...loop('l', ['inner'], next('z')) },
      call('inner'),
      call('outer', next('z')),
      call('z'),
    ]),
    { input: { items: [1] } },
  );
  await engine.until(
    execution,
    (events) => isStep('inner', 'running')(events) && isStep('outer', 'running')(events),
  );
  await engine.as(engine.user, (sql) => pauseWorkflow(sql, execution, undefined));
  outer.resolve();
  inner.resolve();
  await engine.until(
    execution,
    (events) => isStep('inner', 'completed')(events) && isStep('outer', 'completed')(events),
  );
  await engine.as(engine.user, (sql) => resumeWorkflow(sql, execution));
  await engine.ended(execution);
  expect((await engine.execution(execution)).status).toBe('completed');
  expect(called.filter((name) => name === `${execution} z`)).toHaveLength(1);
});

it('stops a running step and what waits when it is cancelled', async () => {
  const execution = await engine.start(
    await engine.define([
      mapping('a', {}, { metadata: { next: [id('hang'), id('q'), id('d')] } }),
      call('hang', { metadata: { next: [] } }),
      ask('q', {}, { metadata: { next: [] } }),
      delay('d', { config: { duration: 3_600_000 }, metadata: { next: [] } }),
    ]),
  );
  await engine.until(
    execution,
    (events) => isStep('hang', 'running')(events) && isStep('q', 'awaiting')(events),
  );
  await engine.as(engine.user, (sql) =>
    requestCancel(sql, { kind: 'workflow', id: execution, reason: 'enough' }),
  );
  expect(await checkedUntil(aborted.promise)).toBe('lost');
  expect(await engine.execution(execution)).toMatchObject({ status: 'cancelled' });
  expect((await engine.steps(execution)).map(({ state }) => state)).toEqual([
    ...['completed', 'cancelled', 'cancelled', 'cancelled'],
  ]);
  const { rows } = await engine.admin.query(
    `select (select decision from runcast.approvals where execution_id = $1),
       (select count(*)::int from public.workflow_execution_logs where execution_id = $1 and status = 'cancelled') as logs`,
    [execution],
  );
  expect(rows).toEqual([{ decision: 'withdrawn', logs: 1 }]);
});

it('stops a running step whose execution somebody else has ended, in SQL say', async () => {
  holds.set('hung', Promise.withResolvers<void>());
  const execution = await engine.start(await engine.define([call('hung')]));
  await engine.until(execution, isStep('hung', 'running'));
  await engine.admin.query(`update public.workflow_executions set status = 'cancelled' where id = $1`, [
    execution,
  ]);
  expect(await checkedUntil(ended.promise)).toBe('lost');
  expect((await engine.execution(execution)).status).toBe('cancelled');
});

it('runs again from a step of an ended execution, with what came before it as it was', async () => {
  const workflowId = await engine.define([
    call('a', { metadata: { saveAs: 'kept' } }),
    loop('l', ['x']),
    mapping('x', { i: 'vars.index' }),
    mapping('b', {
      of: `steps.${id('a')}.output`,
      all: `$count(steps.${id('l')}.output)`,
      kept: 'state.kept',
    }),
    call('c'),
  ]);
  const from = await engine.start(workflowId, { input: { items: [1, 2] } });
  await engine.ended(from);
  const workflow = await loadWorkflow(engine.sql, workflowId);
  if (!workflow) throw new Error('there is no workflow');
  const again = await engine.service.transaction((sql) =>
    startFromStep(sql, { workflow, userId: engine.user, input: { items: [1, 2] }, from, stepId: id('b') }),
  );
  const events = await engine.ended(again);
  expect(events.some(isStepOf('a'))).toBe(false);
  expect(called.filter((name) => name === `${again} a`)).toEqual([]);
  expect(called.filter((name) => name === `${again} c`)).toHaveLength(1);
  const steps = await engine.steps(again);
  expect(steps.find(({ name }) => name === 'b')?.output).toEqual({
    ...{ of: 'https://example.com/a', all: 2, kept: 'https://example.com/a' },
  });
  expect(steps.filter(({ name }) => name === 'x')).toHaveLength(2);
});
