import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Data, startApi, type TestApi, tokenOf, type User } from '../../support/api.ts';
import { insertTenant } from '../../support/tenants.ts';

let api: TestApi;
let user: User;
let other: User;
let viewer: User;
let tenantId: string;

beforeAll(async () => {
  api = await startApi();
  user = await api.makeUser();
  other = await api.makeUser();
  viewer = await api.makeUser();
  tenantId = await insertTenant(api.admin, { [user.id]: 'member', [viewer.id]: 'viewer' });
  for (const [id, seed] of [
    [user.id, 1],
    [other.id, 5],
  ] as const) {
    await insertRuns(id, seed);
  }
});
afterAll(() => api.close());

const STATUSES = ['pending', 'running', 'completed', 'failed', 'cancelled', 'completed', 'completed'];

/** Runs of all kinds from 1 January 2026 on, one an hour; those of agents with logs of each state, or metrics alone. */
async function insertRuns(userId: string, seed: number): Promise<void> {
  const runs = `
    select n, gen_random_uuid() as id, $3::text[] as statuses, '2026-01-01Z'::timestamptz + n * interval '1 hour' as at,
      ($3::text[])[n % 7 + 1] as status, (n * ${seed} % 97 + 0.125) * interval '1 second' as took
    from generate_series(1, 200) n`;
  const ended = `case when status in ('completed', 'failed', 'cancelled') then at + took end`;
  const tenant = 'case when n % 4 = 0 then $2::uuid end';
  const values = [userId, tenantId, STATUSES];
  await api.admin.query(
    `with agent as (
       insert into agents (name, version, category, output_type) values ('a', '1.0.0', 'custom', 'text') returning id),
     runs as (${runs}),
     executions as (
       insert into agent_executions (id, agent_id, user_id, tenant_id, status, started_at, completed_at, metrics)
       select runs.id, agent.id, $1, ${tenant}, status, at, ${ended},
         case when n % 3 = 0 then '{"cost": 0.0025, "tokensInput": 7, "tokensOutput": 3}'::jsonb
           when n % 11 = 0 then '{"cost": "a lot", "tokenUsage": -5}' end
       from runs, agent returning id)
     insert into agent_execution_logs (execution_id, agent_id, user_id, status, started_at, token_usage, cost)
     select runs.id, agent.id, $1, 'running', at, state * n, state * n * 0.0001
     from runs, agent, generate_series(1, 3) state where n % 5 = 0`,
    values,
  );
  await api.admin.query(
    `with workflow as (
       insert into workflows (name, version, category, trigger, start_step_id)
       values ('w', '1.0.0', 'custom', '{}', gen_random_uuid()) returning id),
     runs as (${runs})
     insert into workflow_executions (id, workflow_id, user_id, tenant_id, status, started_at, completed_at, metrics)
     select runs.id, workflow.id, $1, ${tenant}, status, at, ${ended}, '{"cost": 1.1, "tokenUsage": 3000000000}'
     from runs, workflow where n % 2 = 0`,
    values,
  );
  await api.admin.query(
    `with runs as (${runs}), executions as (
       insert into training_executions (id, user_id, public_id, method, provider, status, started_at, completed_at,
         created_at)
       select 'exec_' || id, $1, 'p', 'sft', 'local', status, at, ${ended}, at from runs returning id)
     select $2::uuid from executions limit 1`,
    values,
  );
  await api.admin.query(
    `update runcast.execution_streams s set tenant_id = $2 from training_executions e
     where s.kind = 'training' and e.id = s.execution_id and e.user_id = $1 and extract(hour from e.created_at) = 4`,
    [userId, tenantId],
  );
}

const STATS = `query ($kind: ExecutionKind!, $period: TimePeriod!, $tenantId: ID) {
  executionStats(kind: $kind, period: $period, tenantId: $tenantId) {
    total statuses { status statusText count } ended successRate durations { count mean p50 p95 p99 } cost tokens } }`;

const JANUARY = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' };

async function stats(variables: object, as: { token: string } = user): Promise<Data> {
  const { data, errors } = await api.ask(STATS, { period: JANUARY, ...variables }, as);
  expect(errors).toBeUndefined();
  return data.executionStats;
}

const TABLES = {
  TRAINING: 'training_executions',
  AGENT: 'agent_executions',
  WORKFLOW: 'workflow_executions',
};
const TALLIES = {
  TRAINING: 'null::numeric as cost, null::numeric as tokens',
  AGENT: `case when l.cost is not null then l.cost when n.metrics ->> 'cost' = '0.0025' then 0.0025 end as cost,
    case when l.tokens is not null then l.tokens when n.metrics ? 'tokensInput' then 10 end as tokens`,
  WORKFLOW: '1.1 as cost, 3000000000 as tokens',
};

/** The same, by other means: rows in JavaScript's hands. */
async function expected(kind: keyof typeof TABLES, where: string, values: unknown[]): Promise<Data> {
  const { rows } = await api.admin.query(
    `select status, extract(epoch from completed_at - n.started_at)::float8 * 1000 as ms, ${TALLIES[kind]}
     from ${TABLES[kind]} n
     left join (
       select execution_id::text as of, max(cost) as cost, max(token_usage) as tokens
       from agent_execution_logs group by 1) l on l.of = n.id::text
     where ${where}`,
    values,
  );
  const ended = rows.filter(({ status }) => ['completed', 'failed', 'cancelled'].includes(status));
  const ms = ended.map((row) => row.ms).sort((a, b) => a - b);
  const at = (p: number) => {
    const place = (ms.length - 1) * p;
    const [low, high] = [ms[Math.floor(place)], ms[Math.ceil(place)]];
    return low + (high - low) * (place - Math.floor(place));
  };
  const sum = (name: string) => rows.reduce((total, row) => total + Number(row[name] ?? 0), 0);
  const says = rows.some(({ cost }) => cost !== null);
  return {
    total: rows.length,
    counts: Object.fromEntries(
      [...Map.groupBy(rows, ({ status }) => status)].map(([status, of]) => [status, of.length]),
    ),
    ended: ended.length,
    successRate: ended.filter(({ status }) => status === 'completed').length / ended.length,
    durations: {
      mean: ms.reduce((a, b) => a + b, 0) / ms.length,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
    },
    cost: says ? sum('cost') : null,
    tokens: says ? sum('tokens') : null,
  };
}

function expectSame(found: Data, wanted: Data): void {
  const { statuses, durations, cost, tokens, ...rest } = found;
  expect(Object.fromEntries(statuses.map((s: Data) => [s.statusText, s.count]))).toEqual(wanted.counts);
  expect(statuses.map((s: Data) => s.count)).toEqual(
    statuses.map((s: Data) => s.count).toSorted((a: number, b: number) => b - a),
  );
  expect(rest).toEqual({ total: wanted.total, ended: wanted.ended, successRate: wanted.successRate });
  expect(durations.count).toBe(wanted.ended);
  for (const name of ['mean', 'p50', 'p95', 'p99'])
    expect(durations[name]).toBeCloseTo(wanted.durations[name], 5);
  expect(cost === null ? null : Number(cost)).toEqual(
    wanted.cost === null ? null : expect.closeTo(wanted.cost, 8),
  );
  expect(tokens === null ? null : Number(tokens)).toBe(wanted.tokens);
}

describe.each(['TRAINING', 'AGENT', 'WORKFLOW'] as const)('executionStats of %s', (kind) => {
  const moment = kind === 'TRAINING' ? 'n.created_at' : 'n.started_at';

  it('are those of the caller’s executions, each counted once, and of everybody’s for services', async () => {
    for (const as of [user, other]) {
      expectSame(await stats({ kind }, as), await expected(kind, 'n.user_id = $1', [as.id]));
    }
    const service = { token: await tokenOf({ role: 'service_role' }) };
    expectSame(await stats({ kind }, service), await expected(kind, 'true', []));
  });

  it('are those of the period alone, which ends before its end', async () => {
    const period = { from: '2026-01-02T04:00:00Z', to: '2026-01-03T04:00:00Z' };
    const where = `n.user_id = $1 and ${moment} >= $2 and ${moment} < $3`;
    expectSame(await stats({ kind, period }), await expected(kind, where, [user.id, period.from, period.to]));
  });

  it('are those in a tenant, of which a viewer’s and a stranger’s are none', async () => {
    const ofTenant =
      kind === 'TRAINING'
        ? `exists (select from runcast.execution_streams s where s.execution_id = n.id and s.tenant_id = $2)`
        : 'n.tenant_id = $2';
    const wanted = await expected(kind, `n.user_id = $1 and ${ofTenant}`, [user.id, tenantId]);
    expect(wanted.total).toBeGreaterThan(5);
    for (const id of [tenantId, Buffer.from(`Tenant:${tenantId}`).toString('base64')]) {
      expectSame(await stats({ kind, tenantId: id }), wanted);
    }
    const none = {
      total: 0,
      statuses: [],
      ended: 0,
      successRate: null,
      durations: null,
      cost: null,
      tokens: null,
    };
    expect(await stats({ kind, tenantId }, viewer)).toEqual(none);
    expect(await stats({ kind }, viewer)).toEqual(none);
    expect(await stats({ kind, tenantId: randomUUID() })).toEqual(none);
  });

  it('name every faulty argument at once, and need a user', async () => {
    const period = { from: JANUARY.to, to: JANUARY.from };
    const { errors } = await api.ask(STATS, { kind, period, tenantId: 'none' }, user);
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [{ path: ['period', 'to'] }, { path: ['tenantId'] }],
    });
    expect((await api.ask(STATS, { kind, period: JANUARY })).errors?.[0]?.extensions?.code).toBe(
      'UNAUTHENTICATED',
    );
  });
});

it('shows a status that nobody knows as it is stored', async () => {
  // From before the feed, which refuses it.
  await api.admin.query(
    `begin; set local session_replication_role = replica;
     update agent_executions set status = 'made_up' where user_id = '${user.id}' and status = 'failed'; commit`,
  );
  const { statuses, ended } = await stats({ kind: 'AGENT' });
  expect(statuses).toContainEqual({ status: 'UNKNOWN', statusText: 'made_up', count: 29 });
  expect(ended).toBe(200 - 28 - 29 - 29);
});
