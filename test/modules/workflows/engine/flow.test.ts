import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../../support/workflow-engine.ts';
import { choice, delay, id, type LooseStep, loop, mapping } from '../definitions.ts';

let engine: Engine;
/** What the step `late` waits for: that the step `first` was run. */
const first = Promise.withResolvers<void>();

beforeAll(async () => {
  engine = await openEngine();
  await engine.work(async ({ url }) => {
    if (url.endsWith('/first')) first.resolve();
    if (url.endsWith('/late')) await first.promise;
    return url;
  });
});
afterAll(() => engine?.close());

const say = (name: string, rest: Record<string, unknown> = {}): LooseStep => ({
  id: id(name),
  name,
  type: 'webhook',
  config: { url: `https://example.com/${name}`, method: 'POST' },
  ...rest,
});

async function run(steps: LooseStep[], input: unknown = {}, rest: Record<string, unknown> = {}) {
  const execution = await engine.start(await engine.define(steps, rest), { input });
  const events = await engine.ended(execution);
  return { execution, events, row: await engine.execution(execution), steps: await engine.steps(execution) };
}

const statesOf = (steps: { name: string; state: string }[]) =>
  Object.fromEntries(steps.map(({ name, state }) => [name, state]));

it('runs steps one after another, and ends with the last one’s output', async () => {
  const { row, events, steps } = await run(
    [mapping('a', { total: 'input.x + 1' }), mapping('b', { twice: `steps.${id('a')}.output.total * 2` })],
    { x: 20 },
  );
  expect(row).toMatchObject({ status: 'completed', output: { twice: 42 }, error: null });
  expect(statesOf(steps)).toEqual({ a: 'completed', b: 'completed' });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
  expect(
    events.flatMap(({ type, payload }) => (type === 'step' ? [`${payload.name} ${payload.state}`] : [])),
  ).toEqual(['a queued', 'a running', 'a completed', 'b queued', 'b running', 'b completed']);
});

it('joins parallel ways once, after all of them or with the first', async () => {
  const next = (...names: string[]) => ({ metadata: { next: names.map(id) } });
  const { steps, row } = await run([
    delay('a', next('b', 'c')),
    delay('b', next('d')),
    { ...delay('c', next('d')), config: { duration: 300 } },
    say('d'),
  ]);
  expect(row.status).toBe('completed');
  expect(steps.filter(({ name }) => name === 'd')).toHaveLength(1);
  const any = await run([
    say('a', next('b', 'late')),
    say('b', next('first')),
    say('late', next('first')),
    say('first', { metadata: { join: 'any' } }),
  ]);
  expect(any.steps.filter(({ name }) => name === 'first')).toHaveLength(1);
  expect(any.row.status).toBe('completed');
});

it('takes the branch whose conditions hold, and goes on behind it', async () => {
  const steps = [
    { ...choice('a', { then: ['t'], else: ['e'] }) },
    say('t'),
    say('e'),
    mapping('z', { branch: `steps.${id('a')}.output.branch` }),
  ];
  const fit = steps.map((step) =>
    step.name === 'a'
      ? {
          ...step,
          config: { ...step.config, conditions: [{ field: 'input.ok', operator: 'equals', value: true }] },
        }
      : step,
  );
  expect((await run(fit, { ok: true })).row.output).toEqual({ branch: 'then' });
  const other = await run(fit, { ok: false });
  expect(other.row.output).toEqual({ branch: 'else' });
  expect(statesOf(other.steps)).toEqual({ a: 'completed', e: 'completed', z: 'completed' });
});

it('runs a loop’s body for each item, as many at a time as it says, and reads what is of the same iteration', async () => {
  const body = [
    mapping('x', { item: 'vars.item' }),
    mapping('y', { twice: `steps.${id('x')}.output.item * 2` }),
  ];
  for (const parallelism of [1, 3]) {
    const each = loop('l', ['x', 'y']);
    const { row, steps } = await run(
      [
        { ...each, config: { ...each.config, parallelism } },
        ...body,
        mapping('z', { all: `steps.${id('l')}.output` }),
      ],
      { items: [1, 2, 3, 4, 5] },
    );
    expect(row.output).toEqual({ all: [2, 4, 6, 8, 10].map((twice) => ({ twice })) });
    expect(steps.filter(({ name }) => name === 'y')).toHaveLength(5);
  }
  const none = await run([loop('l', ['x']), mapping('x', { item: 'vars.item' })], { items: [] });
  expect(none.row).toMatchObject({ status: 'completed', output: [] });
});

it('keeps outputs in the state that steps share', async () => {
  const { row } = await run([
    mapping('a', { n: '1' }, { metadata: { saveAs: 'first' } }),
    mapping('b', { n: 'state.first.n + 1' }, { metadata: { saveAs: 'second' } }),
  ]);
  expect(row).toMatchObject({ state: { first: { n: 1 }, second: { n: 2 } }, output: { n: 2 } });
});

it('writes a row for each state it passed through, counts the run and tells of it', async () => {
  const { execution } = await run([say('a'), say('b')]);
  const { rows } = await engine.admin.query(
    `select status, steps_executed, steps_succeeded, steps_failed, duration is null as "open"
     from public.workflow_execution_logs where execution_id = $1 order by status = 'completed'`,
    [execution],
  );
  expect(rows).toEqual([
    { status: 'started', steps_executed: 0, steps_succeeded: 0, steps_failed: 0, open: true },
    { status: 'completed', steps_executed: 2, steps_succeeded: 2, steps_failed: 0, open: false },
  ]);
  const usage = await engine.admin.query(
    `select quantity from public.usage_metrics where metric_type = 'workflow_executions' and metadata ->> 'executionId' = $1`,
    [execution],
  );
  expect(usage.rows).toEqual([{ quantity: 1 }]);
  const told = await engine.admin.query(
    `select type from public.telemetry_events where properties ->> 'executionId' = $1 order by timestamp, type desc`,
    [execution],
  );
  expect(told.rows.map(({ type }) => type)).toEqual(['workflow_started', 'workflow_completed']);
});
