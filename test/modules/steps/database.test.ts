import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TABLES } from '../../../src/modules/steps/database/tables.ts';
import {
  createDatabaseStep,
  type DatabaseConfig,
  type DatabaseOutput,
} from '../../../src/modules/steps/database.ts';
import type { Scope, StepCall } from '../../../src/modules/steps/step.ts';
import { createServiceDatabase, type ServiceDatabase } from '../../../src/platform/db/service.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { makeUser, type User } from '../../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { insertTenant } from '../../support/tenants.ts';

let testDatabase: TestDatabase;
let admin: Client;
let database: ServiceDatabase;
let owner: User;
let other: User;
let tenantId: string;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  admin = new Client({ connectionString: testDatabase.admin });
  await admin.connect();
  database = createServiceDatabase({ url: testDatabase.worker, poolSize: 3, log: createLogger('silent') });
});
beforeEach(async () => {
  [owner, other] = [await makeUser(admin), await makeUser(admin)];
  tenantId = await insertTenant(admin, { [owner.id]: 'member', [other.id]: 'member' });
});
afterAll(async () => {
  await database.close();
  await admin.end();
  await testDatabase.drop();
});

const scope: Scope = { input: {}, steps: {}, state: {}, vars: {} };

/** As whoever fills templates leaves a value without any. */
const fill = async (value: unknown) => value;

type Config = DatabaseConfig;

function run(config: Config, call: Partial<StepCall> = {}): Promise<DatabaseOutput> {
  const step = createDatabaseStep({ database, fill });
  return step(config, scope, {
    execution: { kind: 'workflow', id: 'run-1' },
    owner: { userId: owner.id, tenantId },
    idempotencyKey: randomUUID(),
    signal: new AbortController().signal,
    log: () => {},
    ...call,
  }) as Promise<DatabaseOutput>;
}

async function failure(config: Config, call: Partial<StepCall> = {}) {
  const thrown = await run(config, call).then(
    (output) => output,
    (error: unknown) => error,
  );
  expect(thrown).toMatchObject({ name: 'StepError', isFinal: true });
  return thrown as { code: string; message: string };
}

async function inserted(text: string, values: unknown[]): Promise<string> {
  const { rows } = await admin.query<{ id: string }>(`${text} returning id`, values);
  return rows[0]?.id ?? '';
}

const errorLog = (user: User, message: string, tenant: string | null = tenantId) =>
  inserted(
    `insert into public.error_logs (user_id, tenant_id, error, severity, "timestamp")
     values ($1, $2, jsonb_build_object('message', $3::text), 'high', '2026-11-22T09:30:00.123Z')`,
    [user.id, tenant, message],
  );

const agent = (createdBy: User, tenant: string) =>
  inserted(
    `insert into public.agents (name, version, category, output_type, created_by, tenant_id)
     values ('An agent', '1.0.0', 'custom', 'text', $1, $2)`,
    [createdBy.id, tenant],
  );

const config = (user: User, isPublic = false) =>
  inserted(
    `insert into public.training_configs (user_id, name, public_id, is_public)
     values ($1, 'A config', $2, $3)`,
    [user.id, `config-${randomUUID()}`, isPublic],
  );

describe('select', () => {
  it('gives the owner’s rows as JSON: moments as the API writes them, numbers as numbers', async () => {
    const id = await errorLog(owner, 'mine');
    await errorLog(other, 'not mine');
    await admin.query(
      `insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity) values ($1, $2, 'api_calls', 7)`,
      [owner.id, tenantId],
    );
    expect(await run({ operation: 'select', table: 'error_logs' })).toEqual({
      count: 1,
      rows: [
        {
          id,
          user_id: owner.id,
          tenant_id: tenantId,
          timestamp: '2026-11-22T09:30:00.123Z',
          error: { message: 'mine' },
          context: null,
          severity: 'high',
          resolved: false,
        },
      ],
    });
    const usage = await run({
      operation: 'select',
      table: 'usage_metrics',
      query: { columns: ['quantity'] },
    });
    expect(usage.rows).toEqual([{ quantity: 7 }]);
  });

  it('of every table in the list, with every column', async () => {
    for (const table of Object.keys(TABLES)) {
      expect(await run({ operation: 'select', table })).toMatchObject({ rows: expect.any(Array) });
    }
  });

  it('compares, looks for beginnings and lists, orders and limits', async () => {
    for (const name of ['alpha', 'beta', 'bet_', 'gamma']) {
      await admin.query(
        `insert into public.telemetry_events (user_id, tenant_id, type, session_id, "timestamp")
         values ($1, $2, 'api_call', $3::text, ('2026-11-0' || length($3::text) || 'T00:00:00Z')::timestamptz)`,
        [owner.id, tenantId, name],
      );
    }
    const names = async (query: Record<string, unknown>) => {
      const { rows } = await run({
        operation: 'select',
        table: 'telemetry_events',
        query: { columns: ['session_id'], order: ['session_id'], ...query },
      });
      return rows.map((row) => row.session_id);
    };
    expect(await names({})).toEqual(['alpha', 'bet_', 'beta', 'gamma']);
    expect(await names({ order: ['-session_id'], limit: 2 })).toEqual(['gamma', 'beta']);
    expect(await names({ where: { session_id: 'beta' } })).toEqual(['beta']);
    expect(await names({ where: { session_id: { ne: 'beta' } } })).toEqual(['alpha', 'bet_', 'gamma']);
    expect(await names({ where: { session_id: { gt: 'alpha', lte: 'beta' } } })).toEqual(['bet_', 'beta']);
    expect(await names({ where: { session_id: { in: ['gamma', 'alpha'] } } })).toEqual(['alpha', 'gamma']);
    expect(await names({ where: { session_id: { in: [] } } })).toEqual([]);
    expect(await names({ where: { session_id: { startsWith: 'bet_' } } })).toEqual(['bet_']);
    expect(await names({ where: { session_id: { startsWith: '%' } } })).toEqual([]);
    expect(await names({ where: { timestamp: { gte: '2026-11-05T00:00:00Z' } } })).toEqual([
      'alpha',
      'gamma',
    ]);
    expect(await names({ where: { session_id: null } })).toEqual([]);
    expect(await names({ where: { metadata: { isNull: true }, type: 'api_call' } })).toHaveLength(4);
  });

  it('gives 100 rows where no limit says otherwise, and at most 1,000', async () => {
    await admin.query(
      `insert into public.telemetry_events (user_id, tenant_id, type)
       select $1, $2, 'api_call' from generate_series(1, 1100)`,
      [owner.id, tenantId],
    );
    const select = { operation: 'select', table: 'telemetry_events' };
    expect((await run(select)).count).toBe(100);
    expect((await run({ ...select, query: { limit: 1_000 } })).count).toBe(1_000);
    expect((await failure({ ...select, query: { limit: 1_001 } })).message).toContain('query.limit');
    expect(await run({ ...select, operation: 'count' })).toEqual({ rows: [], count: 1_100 });
  });

  it('refuses to carry more than a megabyte', async () => {
    await admin.query(
      `insert into public.telemetry_events (user_id, tenant_id, type, properties)
       select $1, $2, 'api_call', jsonb_build_object('text', repeat('x', 100000)) from generate_series(1, 11)`,
      [owner.id, tenantId],
    );
    const select = { operation: 'select', table: 'telemetry_events' };
    expect(await failure(select)).toMatchObject({
      code: 'DATABASE_TOO_LARGE',
      message: expect.stringContaining('name fewer `columns`'),
    });
    expect((await run({ ...select, query: { columns: ['id'] } })).count).toBe(11);
  });
});

describe('whose rows are in reach', () => {
  it('those of the run’s tenant, though its owner belongs to another as well', async () => {
    const elsewhere = await insertTenant(admin, { [owner.id]: 'admin' });
    const [here, there] = [await agent(other, tenantId), await agent(owner, elsewhere)];
    const select = { operation: 'select', table: 'agents', query: { columns: ['id'] } };
    expect((await run(select)).rows).toEqual([{ id: here }]);
    expect((await run({ ...select, query: { ...select.query, where: { id: there } } })).rows).toEqual([]);
    const ofNoTenant = await run(select, { owner: { userId: owner.id, tenantId: null } });
    expect(ofNoTenant.rows.map(({ id }) => id).toSorted()).toEqual([here, there].toSorted());
  });

  it('none any more once the owner is no active member', async () => {
    await agent(other, tenantId);
    const select = { operation: 'select', table: 'agents' };
    expect((await run(select)).count).toBe(1);
    await admin.query(`update public.user_tenants set status = 'removed' where user_id = $1`, [owner.id]);
    expect((await run(select)).count).toBe(0);
  });

  it('none of others', async () => {
    const theirs = await errorLog(other, 'not mine');
    for (const operation of ['select', 'count']) {
      const output = await run({ operation, table: 'error_logs', query: { where: { id: theirs } } });
      expect(output).toEqual({ rows: [], count: 0 });
    }
    const query = { where: { id: theirs } };
    const output = await run({ operation: 'update', table: 'error_logs', query, data: { resolved: true } });
    expect(output.count).toBe(0);
    const { rows } = await admin.query('select resolved from public.error_logs where id = $1', [theirs]);
    expect(rows).toEqual([{ resolved: false }]);
  });
});

describe('insert', () => {
  it('adds rows that are the owner’s and the tenant’s, once for each key', async () => {
    const insert = {
      operation: 'insert',
      table: 'error_logs',
      data: [
        { error: { message: 'one' } },
        { error: { message: 'two' }, severity: 'low', context: { a: 1 } },
      ],
    };
    const idempotencyKey = randomUUID();
    const first = await run(insert, { idempotencyKey });
    expect(first.count).toBe(2);
    expect(await run(insert, { idempotencyKey })).toEqual(first);
    const { rows } = await run({ operation: 'select', table: 'error_logs', query: { order: ['severity'] } });
    expect(rows).toMatchObject([
      {
        user_id: owner.id,
        tenant_id: tenantId,
        error: { message: 'two' },
        severity: 'low',
        context: { a: 1 },
      },
      {
        user_id: owner.id,
        tenant_id: tenantId,
        error: { message: 'one', name: 'Error' },
        severity: 'medium',
      },
    ]);
  });

  it('marks telemetry with the run that it comes from', async () => {
    const { rows } = await run({
      operation: 'insert',
      table: 'telemetry_events',
      data: {
        type: 'user_action',
        properties: { button: 'buy' },
        metadata: { runcast: 'forged', note: 'x' },
      },
    });
    expect(rows).toMatchObject([
      {
        type: 'user_action',
        properties: { button: 'buy' },
        metadata: { note: 'x', runcast: { kind: 'workflow', executionId: 'run-1' } },
      },
    ]);
  });

  it.each([
    ['somebody else’s', { user_id: randomUUID(), error: { message: 'x' } }],
    ['of another tenant', { tenant_id: randomUUID(), error: { message: 'x' } }],
    ['with an id of its own', { id: randomUUID(), error: { message: 'x' } }],
    ['without what is required', { severity: 'low' }],
    ['with a value out of the vocabulary', { error: { message: 'x' }, severity: 'fatal' }],
    ['with text that cannot be stored', { error: { message: 'a\u0000b' } }],
    ['that are none', 'text'],
    ['that are not there', undefined],
    ['too many', Array.from({ length: 101 }, () => ({ error: { message: 'x' } }))],
  ])('refuses rows %s, and adds none', async (_name, data) => {
    const { message } = await failure({ operation: 'insert', table: 'error_logs', data });
    expect(message).toContain('data');
    expect((await run({ operation: 'count', table: 'error_logs' })).count).toBe(0);
  });

  it('adds none of several where one is faulty', async () => {
    const data = [{ error: { message: 'fine' } }, { error: {} }];
    expect((await failure({ operation: 'insert', table: 'error_logs', data })).message).toContain(
      'data.1.error.message',
    );
    expect((await run({ operation: 'count', table: 'error_logs' })).count).toBe(0);
  });

  it('is refused for a tenant that the owner has left', async () => {
    await admin.query('delete from public.user_tenants where user_id = $1', [owner.id]);
    const data = { error: { message: 'x' } };
    expect(await failure({ operation: 'insert', table: 'error_logs', data })).toMatchObject({
      code: 'DATABASE_FORBIDDEN',
    });
  });
});

describe('update and delete', () => {
  it('change what the API lets its callers change, and give the rows', async () => {
    const [error, mine] = [await errorLog(owner, 'mine'), await config(owner)];
    const change = (table: string, id: string, data: object) =>
      run({ operation: 'update', table, query: { where: { id } }, data });
    expect((await change('error_logs', error, { resolved: true })).rows).toMatchObject([
      { id: error, resolved: true },
    ]);
    const own = await agent(owner, tenantId);
    expect((await change('agents', own, { enabled: false, deprecated: true })).rows).toMatchObject([
      { enabled: false, deprecated: true },
    ]);
    const renamed = await change('training_configs', mine, { name: 'Another', is_public: true });
    expect(renamed.rows).toMatchObject([{ name: 'Another', is_public: true }]);
    expect(Date.parse(String(renamed.rows[0]?.updated_at))).toBeGreaterThan(
      Date.parse(String(renamed.rows[0]?.created_at)),
    );
    const gone = await run({
      operation: 'delete',
      table: 'training_configs',
      query: { where: { id: mine } },
    });
    expect(gone).toMatchObject({ count: 1, rows: [{ id: mine }] });
    // A second try after a crash finds nothing left to do, and is no failure.
    expect(
      await run({ operation: 'delete', table: 'training_configs', query: { where: { id: mine } } }),
    ).toEqual({ rows: [], count: 0 });
  });

  it('say so where the owner sees rows that are not his to change, and change none', async () => {
    const [theirs, mine] = [await config(other, true), await config(owner)];
    const query = { where: { id: { in: [theirs, mine] } } };
    for (const config of [
      { operation: 'update', table: 'training_configs', query, data: { name: 'Taken over' } },
      { operation: 'delete', table: 'training_configs', query },
    ]) {
      expect(await failure(config)).toMatchObject({ code: 'DATABASE_FORBIDDEN' });
    }
    await admin.query(`update public.user_tenants set role = 'viewer' where user_id = $1`, [owner.id]);
    const id = await agent(other, tenantId);
    expect(
      await failure({
        operation: 'update',
        table: 'agents',
        query: { where: { id } },
        data: { enabled: false },
      }),
    ).toMatchObject({ code: 'DATABASE_FORBIDDEN' });
    const { rows } = await admin.query(
      `select name from public.training_configs where id = any($1::uuid[]) union all
       select enabled::text from public.agents where id = $2`,
      [[theirs, mine], id],
    );
    expect(rows.map(({ name }) => name)).toEqual(['A config', 'A config', 'true']);
  });

  it('refuse to change more rows than the limit, and change none', async () => {
    for (let i = 0; i < 4; i += 1) await errorLog(owner, 'one of four');
    const query = { where: { severity: 'high' }, limit: 3 };
    expect(
      await failure({ operation: 'update', table: 'error_logs', query, data: { resolved: true } }),
    ).toMatchObject({ code: 'DATABASE_TOO_MANY_ROWS' });
    const { count } = await run({
      operation: 'count',
      table: 'error_logs',
      query: { where: { resolved: true } },
    });
    expect(count).toBe(0);
  });

  it('demand to be told which rows', async () => {
    for (const query of [undefined, {}, { where: {} }]) {
      const { message } = await failure({
        operation: 'update',
        table: 'error_logs',
        ...(query && { query }),
        data: { resolved: true },
      });
      expect(message).toContain('`query.where` is required');
    }
  });

  it.each([
    ['training_executions', { status: 'completed' }],
    ['agent_executions', { status: 'completed' }],
    ['workflow_executions', { output: {} }],
    ['usage_metrics', { quantity: 0 }],
    ['notifications', { read_at: '2026-11-22T09:30:00Z' }],
    ['performance_metrics', { value: 1 }],
  ])('do not exist for %s', async (table, data) => {
    for (const operation of ['update', 'insert', 'delete']) {
      const { message } = await failure({ operation, table, query: { where: { id: 'x' } }, data });
      expect(message).toContain('is not possible on');
    }
  });

  it.each([
    ['agents', { tools: [] }],
    ['agents', { tenant_id: randomUUID() }],
    ['workflows', { steps: [] }],
    ['training_configs', { public_id: 'x' }],
    ['training_configs', { user_id: randomUUID() }],
    ['training_datasets', { storage_path: '/etc/passwd' }],
    ['error_logs', { error: {} }],
    ['error_logs', {}],
    ['error_logs', { resolved: 'yes' }],
  ])('refuse of %s the change %j', async (table, data) => {
    const { message } = await failure({
      operation: 'update',
      table,
      query: { where: { id: randomUUID() } },
      data,
    });
    expect(message).toContain('data');
  });
});

describe('what is not in the list', () => {
  it.each([
    'users',
    'auth.users',
    'tenants',
    'execution_events',
    'runcast.execution_streams',
    'run_queue',
    'pgboss.job',
    'secrets',
    'pg_roles',
    'constructor',
    '__proto__',
    'agents; drop table agents',
    'agents" where true --',
  ])('is no table: %s', async (table) => {
    const { code, message } = await failure({ operation: 'select', table });
    expect(code).toBe('DATABASE_INVALID');
    expect(message).toContain('choose of');
  });

  it.each([
    'truncate',
    'drop',
    'select 1; --',
    'SELECT',
    'upsert',
    'toString',
  ])('is no operation: %s', async (operation) => {
    expect((await failure({ operation, table: 'agents' })).message).toContain('is not possible on agents');
  });

  const column = 'id" = "id" or true --';
  it.each<Record<string, unknown>>([
    { where: { [column]: 1 } },
    { where: { constructor: 1 } },
    { where: { logs: 'x' } },
    { where: { id: { 'eq" or true --': randomUUID() } } },
    { where: { id: { constructor: 1 } } },
    { where: { id: "' or 1=1 --" } },
    { where: { id: { in: 'x' } } },
    { where: { created_at: 'now() - interval' } },
    { where: { created_at: '2026-13-45T00:00:00Z' } },
    { where: { enabled: { gt: true } } },
    { where: { tools: { eq: [] } } },
    { where: { tools: { isNull: 'yes' } } },
    { columns: ['id', 'password'] },
    { columns: ['*'] },
    { columns: [] },
    { order: ['id; drop table agents'] },
    { order: ['tools'] },
    { limit: 0 },
    { limit: '5' },
    { sql: 'select 1' },
    { where: { name: { in: Array.from({ length: 1_001 }, () => 'x') } } },
    {
      where: Object.fromEntries([
        ['name', Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`o${i}`, 1]))],
      ]),
    },
  ])('is no query: %j', async (query) => {
    expect((await failure({ operation: 'select', table: 'agents', query })).code).toBe('DATABASE_INVALID');
  });

  it('takes SQL in a value for the text that it is', async () => {
    const text = `x'); drop table public.error_logs; --`;
    await run({ operation: 'insert', table: 'error_logs', data: { error: { message: text } } });
    const query = { where: { severity: `high' or 'a' = 'a` } };
    expect((await run({ operation: 'select', table: 'error_logs', query })).count).toBe(0);
    expect((await run({ operation: 'select', table: 'error_logs' })).rows).toMatchObject([
      { error: { message: text } },
    ]);
  });
});

it('fills in templates of query and data, and checks what they have become', async () => {
  const filled: unknown[] = [];
  const step = createDatabaseStep({
    database,
    fill: async (value) => {
      filled.push(value);
      return { where: { severity: { in: ['high'] } } };
    },
  });
  const query = { where: '{{ input.where }}' };
  await step({ operation: 'count', table: 'error_logs', query }, scope, {
    execution: { kind: 'workflow', id: 'run-1' },
    owner: { userId: owner.id, tenantId },
    idempotencyKey: 'key',
    signal: new AbortController().signal,
    log: () => {},
  });
  expect(filled).toEqual([query]);
});

/** Another transaction that has changed a row and not committed, while a step waits for it. */
async function meanwhile(change: string, id: string, step: () => Promise<DatabaseOutput>) {
  const blocker = new Client({ connectionString: testDatabase.admin });
  await blocker.connect();
  await blocker.query('begin');
  await blocker.query(change, [id]);
  const running = step();
  // Awaited by the test, after whatever it does first.
  running.catch(() => {});
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await blocker.query(waiting)).rows.length === 0);
  return {
    running,
    async end(how: 'commit' | 'rollback') {
      await blocker.query(how);
      await blocker.end();
    },
  };
}

it('takes rows that others delete meanwhile for gone, not for forbidden', async () => {
  const [gone, stays] = [await errorLog(owner, 'goes'), await errorLog(owner, 'stays')];
  const query = { where: { severity: 'high', resolved: false } };
  const update = { operation: 'update', table: 'error_logs', query, data: { resolved: true } };
  const { running, end } = await meanwhile('delete from public.error_logs where id = $1', gone, () =>
    run(update),
  );
  await end('commit');
  expect(await running).toMatchObject({ count: 1, rows: [{ id: stays, resolved: true }] });
});

it('ends in Postgres too where the step is cancelled', async () => {
  const id = await errorLog(owner, 'locked');
  const query = { where: { id } };
  const update = { operation: 'update', table: 'error_logs', query, data: { resolved: true } };
  const cancelling = new AbortController();
  const { running, end } = await meanwhile(
    'select 1 from public.error_logs where id = $1 for update',
    id,
    () => run(update, { signal: cancelling.signal }),
  );
  const reason = new Error('the run was cancelled');
  cancelling.abort(reason);
  await expect(running).rejects.toBe(reason);
  await end('rollback');
  const { rows } = await run({ operation: 'select', table: 'error_logs', query });
  expect(rows).toMatchObject([{ resolved: false }]);
});
