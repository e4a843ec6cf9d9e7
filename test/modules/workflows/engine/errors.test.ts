import { afterAll, beforeAll, expect, it } from 'vitest';
import { StepError } from '../../../../src/modules/steps/step.ts';
import { finishExecution, startExecution, takeExecution } from '../../../../src/platform/feed/feed.ts';
import { insertAgent } from '../../../support/agents.ts';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { id, type LooseStep, loop, mapping } from '../definitions.ts';

let engine: Engine;
/** What was called in which order, by execution. */
const called = new Map<string, string[]>();
/** What agents that took over were given. */
const told: unknown[] = [];

beforeAll(async () => {
  engine = await openEngine();
  await engine.work(
    async ({ url, body }, { execution }) => {
      const name = url.split('/').at(-1) ?? '';
      const before = called.get(execution.id) ?? [];
      called.set(execution.id, [...before, name]);
      const failures = Number((body as { failures?: number } | undefined)?.failures ?? 0);
      const tries = before.filter((earlier) => earlier === name).length;
      if (tries < failures) throw new StepError({ code: 'BROKEN', message: `${name} broke` });
      if (name.startsWith('final')) {
        throw new StepError({ code: 'GONE', message: `${name} is gone` }, { isFinal: true });
      }
      return name;
    },
    4,
    async (sql, { userId, tenantId, agentId, input, executionId, stepRunId }) => {
      told.push(input);
      const [made] = await sql.query<{ id: string }>(
        `insert into public.agent_executions (agent_id, user_id, tenant_id) values ($1, $2, $3) returning id`,
        [agentId, userId, tenantId],
      );
      const ref = { kind: 'agent', id: made?.id ?? '' } as const;
      const parent = { kind: 'workflow', id: executionId, ...(stepRunId && { stepRunId }) } as const;
      await startExecution(sql, { ...ref, tenantId: tenantId ?? undefined, parent });
      const attempt = (await takeExecution(sql, { ...ref, worker: 'test' })) ?? 0;
      await finishExecution(sql, { ...ref, attempt, status: 'completed', result: { by: 'an agent' } });
      return ref.id;
    },
  );
});
afterAll(() => engine?.close());

const call = (name: string, failures = 0, rest: Record<string, unknown> = {}): LooseStep => ({
  ...{ id: id(name.slice(-12)), name, type: 'webhook' },
  config: { url: `https://example.com/${name}`, method: 'POST', body: { failures } },
  ...rest,
});

const RETRY = { enabled: true, maxAttempts: 3, backoff: 'fixed', initialDelay: 1 };

async function run(steps: LooseStep[], rest: Record<string, unknown> = {}, input: unknown = {}) {
  const execution = await engine.start(await engine.define(steps, rest), { input });
  await engine.ended(execution);
  const rows = await engine.steps(execution);
  return {
    execution,
    row: await engine.execution(execution),
    steps: rows,
    states: Object.fromEntries(rows.map(({ name, state }) => [name, state])),
    called: called.get(execution) ?? [],
  };
}

it('tries a step again as its policy says, or the workflow’s', async () => {
  const own = await run([call('a', 2, { retry: RETRY })]);
  expect(own.row.status).toBe('completed');
  expect(own.steps[0]).toMatchObject({ state: 'completed', tries: 2, attempt: 3 });
  const global = await run([call('a', 2), call('b')], { globalRetry: RETRY });
  expect(global.called).toEqual(['a', 'a', 'a', 'b']);
});

it('fails the execution when the tries are used up, and says which step it was', async () => {
  const { row, states, called } = await run([call('a', 9, { retry: RETRY }), call('b')]);
  expect(row).toMatchObject({
    status: 'failed',
    output: null,
    error: { code: 'BROKEN', message: 'a broke', stepId: id('a') },
  });
  expect(called).toEqual(['a', 'a', 'a']);
  expect(states).toEqual({ a: 'failed', b: 'cancelled' });
});

it('tells the owner where the error handler says so, once', async () => {
  const { execution } = await run([call('a', 9)], { errorHandler: { strategy: 'fail', notification: true } });
  const { rows } = await engine.admin.query(
    `select body, user_id from runcast.notifications where source_execution_id = $1`,
    [execution],
  );
  expect(rows).toEqual([{ body: 'a broke', user_id: engine.user }]);
});

it('does not try again what would fail again', async () => {
  const { called } = await run([call('final', 0, { retry: RETRY })]);
  expect(called).toEqual(['final']);
});

it('skips a step that may fail, or runs another one in its place', async () => {
  const skipped = await run([call('a', 9, { onError: 'skip' }), call('b')]);
  expect(skipped.states).toEqual({ a: 'skipped', b: 'completed' });
  expect(skipped.row.status).toBe('completed');
  const stoodIn = await run([
    call('a', 9, { onError: 'fallback', fallbackStepId: id('help') }),
    call('help'),
    mapping('z', { from: `steps.${id('a')}.output`, why: `steps.${id('a')}.error.message` }),
  ]);
  expect(stoodIn.states).toEqual({ a: 'completed', help: 'completed', z: 'completed' });
  expect(stoodIn.row.output).toEqual({ from: 'help', why: 'a broke' });
});

it('goes on without the step where the workflow says so', async () => {
  const { row, states } = await run([call('a', 9), call('b')], { errorHandler: { strategy: 'continue' } });
  expect(row.status).toBe('completed');
  expect(states).toEqual({ a: 'skipped', b: 'completed' });
});

it('undoes what was done, the newest first, and fails then', async () => {
  const undone = (name: string) => ({ metadata: { compensate: id(name) } });
  const { row, called, states } = await run(
    [
      call('a', 0, undone('undo-a')),
      call('b', 0, undone('final-undo-b')),
      call('c', 0, undone('undo-c')),
      call('d', 9),
      { ...call('undo-a'), id: id('undo-a') },
      { ...call('final-undo-b'), id: id('final-undo-b') },
      { ...call('undo-c'), id: id('undo-c') },
    ],
    { errorHandler: { strategy: 'rollback' } },
  );
  // One that fails does not keep the others from running.
  expect(called).toEqual(['a', 'b', 'c', 'd', 'undo-c', 'final-undo-b', 'undo-a']);
  expect(row).toMatchObject({ status: 'failed', error: { stepId: id('d') } });
  expect(states).toMatchObject({
    a: 'completed',
    d: 'failed',
    'undo-a': 'completed',
    'final-undo-b': 'failed',
  });
});

it('undoes each iteration of a loop with what that one was about', async () => {
  const body = call('b', 0, { metadata: { compensate: id('undo') } });
  const { called } = await run(
    [loop('l', ['b']), body, call('d', 9), { ...call('undo'), id: id('undo') }],
    { errorHandler: { strategy: 'rollback' } },
    { items: [1, 2] },
  );
  expect(called).toEqual(['b', 'b', 'd', 'undo', 'undo']);
});

it('lets an agent take over after the last try, as the policy says', async () => {
  const agent = await insertAgent(engine.admin, engine.tenantId);
  const { row, steps, called } = await run([
    call('a', 9, { retry: { ...RETRY, maxAttempts: 2, fallbackAgent: agent } }),
    mapping('z', { by: `steps.${id('a')}.output.by` }),
  ]);
  expect(called).toEqual(['a', 'a']);
  expect(steps[0]).toMatchObject({ state: 'completed', tries: 2 });
  expect(row.output).toEqual({ by: 'an agent' });
  expect(told).toMatchObject([
    { step: { name: 'a', type: 'webhook' }, error: { code: 'BROKEN' }, input: {} },
  ]);
});

it('spreads tries over the time that the policy allows', async () => {
  const delays = async (policy: object, tries: number, retryAfterMs?: number) => {
    const { rows } = await engine.admin.query(
      `select extract(epoch from runcast.retry_at($1::jsonb, $2, $3) - clock_timestamp())::float8 * 1000 as ms
       from generate_series(1, 200)`,
      [JSON.stringify(policy), tries, retryAfterMs ?? null],
    );
    const ms = rows.map((row) => row.ms);
    return [Math.min(...ms), Math.max(...ms)] as const;
  };
  const between = ([least, most]: readonly [number, number], from: number, to: number) => {
    expect(least).toBeGreaterThan(from - 50);
    expect(most).toBeLessThan(to + 50);
    expect(most - least).toBeGreaterThan((to - from) / 2);
  };
  const policy = (backoff: string) => ({ maxAttempts: 10, backoff, initialDelay: 1_000, maxDelay: 60_000 });
  between(await delays(policy('fixed'), 4), 500, 1_000);
  between(await delays(policy('linear'), 4), 2_000, 4_000);
  between(await delays(policy('exponential'), 4), 4_000, 8_000);
  between(await delays(policy('exponential'), 9), 30_000, 60_000);
  expect((await delays(policy('fixed'), 1, 30_000))[0]).toBeGreaterThan(29_000);
  const none = await engine.admin.query(
    `select runcast.retry_at('{"maxAttempts": 3}', 3, null) as used, runcast.retry_at('{"enabled": false}', 1, null) as off`,
  );
  expect(none.rows).toEqual([{ used: null, off: null }]);
});
