import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withConnection } from '../../src/platform/db/connect.ts';
import { readMigrationFiles } from '../../src/platform/db/migrations/files.ts';
import { applyMigrations } from '../../src/platform/db/migrations/migrator.ts';
import { codeOf } from '../../src/platform/errors.ts';
import { type BareDatabase, type Platform, plainPlatform, supabasePlatform } from '../support/platforms.ts';

const INSUFFICIENT_PRIVILEGE = '42501';

/** Everybody but the outsider is in the tenant, or was; the outsider is the admin of another one. */
const PEOPLE = ['admin', 'member', 'viewer', 'billing', 'pending', 'suspended', 'outsider'] as const;
type Person = (typeof PEOPLE)[number];

const id = (digit: number, of = 0) => `0000000${digit}-0000-0000-0000-00000000000${of}`;
const idOf = (person: Person) => id(1, PEOPLE.indexOf(person));
const TENANT = id(2, 1);
const OTHER_TENANT = id(2, 2);
const [MEMBERS_AGENT, ADMINS_AGENT, NOBODYS_AGENT] = [id(3, 1), id(3, 2), id(3, 3)];
const [MEMBERS_WORKFLOW, ADMINS_WORKFLOW] = [id(4, 1), id(4, 2)];
const INSIDE: Person[] = ['admin', 'member', 'viewer', 'billing'];
const EVERYBODY: Person[] = [...PEOPLE];

/** What is tried by everybody, `$me` being who tries, and who succeeds: touches or sees at least one row. */
const attempts: [what: string, sql: string, who: Person[]][] = [
  ['see an agent', `select from agents where id = '${MEMBERS_AGENT}'`, ['admin', 'member', 'viewer']],
  ['see an agent of no tenant', `select from agents where id = '${NOBODYS_AGENT}'`, []],
  ['make an agent', agent(`'${TENANT}', $me`), ['admin', 'member']],
  ['make an agent and not sign it', agent(`'${TENANT}', null`), ['admin', 'member']],
  ['make an agent in another name', agent(`'${TENANT}', '${idOf('suspended')}'`), []],
  ['make an agent of no tenant', agent('null, $me'), []],
  ['change an agent', `update agents set name = 'x' where id = '${MEMBERS_AGENT}'`, ['admin', 'member']],
  [
    'write back an agent with the columns that stay',
    `update agents set name = 'x', created_by = created_by, tenant_id = tenant_id where id = '${MEMBERS_AGENT}'`,
    ['admin', 'member'],
  ],
  ['take over an agent', `update agents set created_by = $me where id = '${id(3, 4)}'`, []],
  ['move an agent', `update agents set tenant_id = '${OTHER_TENANT}' where id = '${MEMBERS_AGENT}'`, []],
  ["delete the member's agent", `delete from agents where id = '${MEMBERS_AGENT}'`, ['admin', 'member']],
  ["delete the admin's agent", `delete from agents where id = '${ADMINS_AGENT}'`, ['admin']],

  ['see a workflow', `select from workflows where id = '${MEMBERS_WORKFLOW}'`, ['admin', 'member', 'viewer']],
  ['make a workflow', workflow(`'${TENANT}', $me`), ['admin', 'member']],
  ['make a workflow in another name', workflow(`'${TENANT}', '${idOf('suspended')}'`), []],
  [
    'change a workflow',
    `update workflows set name = 'x' where id = '${MEMBERS_WORKFLOW}'`,
    ['admin', 'member'],
  ],
  ['take over a workflow', `update workflows set created_by = $me where id = '${id(4, 3)}'`, []],
  [
    "delete the member's workflow",
    `delete from workflows where id = '${MEMBERS_WORKFLOW}'`,
    ['admin', 'member'],
  ],
  ["delete the admin's workflow", `delete from workflows where id = '${ADMINS_WORKFLOW}'`, ['admin']],

  ['run an agent for the tenant', agentRun(`'${MEMBERS_AGENT}', $me, '${TENANT}'`), ['admin', 'member']],
  ['run an agent for no tenant', agentRun(`'${MEMBERS_AGENT}', $me, null`), ['admin', 'member', 'viewer']],
  ['run an agent of no tenant', agentRun(`'${NOBODYS_AGENT}', $me, null`), []],
  ['run an agent in another name', agentRun(`'${MEMBERS_AGENT}', '${idOf('suspended')}', null`), []],
  [
    "see the member's agent run",
    `select from agent_executions where user_id = '${idOf('member')}'`,
    ['member'],
  ],
  ['change a run', `update agent_executions set metadata = '{}'`, []],
  [
    'run a workflow for the tenant',
    workflowRun(`'${MEMBERS_WORKFLOW}', $me, '${TENANT}'`),
    ['admin', 'member'],
  ],
  [
    'run a workflow for no tenant',
    workflowRun(`'${MEMBERS_WORKFLOW}', $me, null`),
    ['admin', 'member', 'viewer'],
  ],
  [
    "see the member's workflow run",
    `select from workflow_executions where user_id = '${idOf('member')}'`,
    ['member'],
  ],
  [
    "see the member's agent states",
    `select from agent_execution_logs where user_id = '${idOf('member')}'`,
    ['member'],
  ],
  [
    "see the member's workflow states",
    `select from workflow_execution_logs where user_id = '${idOf('member')}'`,
    ['member'],
  ],
  ["see the steps of the member's workflow run", 'select from runcast.workflow_step_runs', ['member']],
  ["see the plan of the member's workflow run", 'select from runcast.workflow_runs', []],
  ["see that the member's workflow run waits", 'select from runcast.run_queue', ['member']],
  ['see a question to the member', `select from runcast.approvals where assigned_to is null`, ['member']],
  [
    "see a question to the viewer in the member's run",
    `select from runcast.approvals where assigned_to = '${idOf('viewer')}'`,
    ['member', 'viewer'],
  ],

  ['use for the tenant', usage(`$me, '${TENANT}', 1`), ['admin', 'member', 'billing']],
  ['use for no tenant', usage('$me, null, 1'), EVERYBODY],
  ['use less than nothing', usage('$me, null, -1'), []],
  ['use in another name', usage(`'${idOf('member')}', null, 1`), ['member']],
  [
    "see the member's usage for the tenant",
    `select from usage_metrics where user_id = '${idOf('member')}' and tenant_id is not null`,
    ['admin', 'member', 'billing'],
  ],
  [
    "see the member's usage for no tenant",
    `select from usage_metrics where user_id = '${idOf('member')}' and tenant_id is null`,
    ['member'],
  ],
  ['change usage', 'update usage_metrics set quantity = 0', []],
  ['delete usage', 'delete from usage_metrics', []],

  ['subscribe to the free tier', subscription("$me, null, 'free', null"), EVERYBODY],
  ['subscribe the tenant to a trial', subscription(`$me, '${TENANT}', 'trial', null`), ['admin', 'billing']],
  ['subscribe to a paid tier', subscription("$me, null, 'pro', null"), []],
  ['subscribe with an id of Stripe', subscription("$me, null, 'free', 'sub_1'"), []],
  [
    "see the tenant's subscription",
    `select from subscriptions where tenant_id = '${TENANT}'`,
    ['admin', 'member', 'billing'],
  ],
  ['cancel at the end of the period', 'update subscriptions set cancel_at_period_end = true', ['member']],
  ['change the tier', `update subscriptions set tier = 'enterprise'`, []],
  ["see the member's billing events", 'select from billing_events', ['member']],
  [
    'write a billing event',
    `insert into billing_events (user_id, event_type) values ($me, 'payment_succeeded')`,
    [],
  ],

  ['log an error for the tenant', error(`$me, '${TENANT}'`), INSIDE],
  ['log an error in another name', error(`'${idOf('member')}', null`), ['member']],
  ['log an error in no name', error('null, null'), []],
  ["see the member's error", `select from error_logs where user_id = '${idOf('member')}'`, ['member']],
  ["see the tenant's error of nobody", 'select from error_logs where user_id is null', []],
  ['resolve an error', 'update error_logs set resolved = true', ['member']],
  ['change an error', `update error_logs set severity = 'low'`, []],
  ['delete an error', 'delete from error_logs', []],
  ['record an event for the tenant', event(`$me, '${TENANT}'`), INSIDE],
  ['record an event in another name', event(`'${idOf('member')}', null`), ['member']],
  ['record an event in no name', event('null, null'), []],
  ["see the member's events", `select from telemetry_events where user_id = '${idOf('member')}'`, ['member']],
  ["see the tenant's events of nobody", 'select from telemetry_events where user_id is null', []],
  ['see performance figures', 'select from performance_metrics', EVERYBODY],
  [
    'write performance figures',
    `insert into performance_metrics (metric, value, unit) values ('m', 1, 'ms')`,
    [],
  ],

  ['see the tenant', `select from tenants where id = '${TENANT}'`, INSIDE],
  ['rename the tenant', `update tenants set name = 'x' where id = '${TENANT}'`, ['admin']],
  ['raise its limits', `update tenants set limits = '{}' where id = '${TENANT}'`, []],
  ['change its status', `update tenants set status = 'active' where id = '${TENANT}'`, []],
  ['make a tenant without a member', `insert into tenants (name, subdomain) values ('x', 'x')`, []],
  ['delete the tenant', `delete from tenants where id = '${TENANT}'`, []],
  [
    'see who else belongs to it',
    `select from user_tenants where tenant_id = '${TENANT}' and user_id = '${idOf('admin')}'`,
    INSIDE,
  ],
  ['see their own membership', `select from user_tenants where user_id = $me`, EVERYBODY],
  ['join by themselves', `insert into user_tenants (tenant_id, user_id) values ('${OTHER_TENANT}', $me)`, []],
  [
    'make themselves an admin',
    `update user_tenants set role = 'admin', status = 'active' where user_id = $me`,
    [],
  ],
  ['drop a membership', 'delete from user_tenants where user_id = $me', []],
  ['see the invitations', 'select from runcast.invitations', ['admin']],
  ['invite past the functions', invitation(), []],
];

function agent(tenantAndMaker: string): string {
  return `insert into agents (name, version, category, output_type, tenant_id, created_by)
    values ('new', '1.0.0', 'custom', 'text', ${tenantAndMaker})`;
}

function workflow(tenantAndMaker: string): string {
  return `insert into workflows (name, version, category, trigger, start_step_id, tenant_id, created_by)
    values ('new', '1.0.0', 'custom', '{}', '${id(9)}', ${tenantAndMaker})`;
}

function agentRun(values: string): string {
  return `insert into agent_executions (agent_id, user_id, tenant_id) values (${values})`;
}

function workflowRun(values: string): string {
  return `insert into workflow_executions (workflow_id, user_id, tenant_id) values (${values})`;
}

function usage(values: string): string {
  return `insert into usage_metrics (metric_type, user_id, tenant_id, quantity) values ('api_calls', ${values})`;
}

function subscription(values: string): string {
  return `insert into subscriptions (current_period_start, current_period_end, user_id, tenant_id, tier, stripe_subscription_id)
    values (now(), now(), ${values})`;
}

function error(values: string): string {
  return `insert into error_logs (error, user_id, tenant_id) values ('{}', ${values})`;
}

function event(values: string): string {
  return `insert into telemetry_events (type, user_id, tenant_id) values ('user_action', ${values})`;
}

function invitation(): string {
  return `insert into runcast.invitations (tenant_id, email, role) values ('${TENANT}', 'x@example.com', 'admin')`;
}

const asItIs = async () => {};

/** The platform's files as psql applies them, with policies that say the same under names of their own. */
async function applyOtherNames(database: BareDatabase): Promise<void> {
  const { migrations } = await readMigrationFiles();
  const theirs = migrations.filter(({ version }) => version < '20261122');
  await withConnection(database.adminUrl, 'test', async (client) => {
    for (const { sql } of theirs) await client.query(sql);
    await client.query(`do $$
      declare v_policy record;
      begin
        for v_policy in select * from pg_policies where schemaname = 'public' loop
          execute format('alter policy %I on public.%I rename to %I',
            v_policy.policyname, v_policy.tablename, 'Users can ' || v_policy.policyname);
        end loop;
      end $$`);
  });
}

describe.each([
  ['a plain Postgres', async () => plainPlatform(), asItIs],
  ['Supabase', () => supabasePlatform(), asItIs],
  ['a platform whose policies have other names', async () => plainPlatform(), applyOtherNames],
] as const)('on %s', (_name, start, prepare) => {
  let platform: Platform;
  let database: BareDatabase;
  let client: Client;
  beforeAll(async () => {
    platform = await start();
    database = await platform.bareDatabase();
    await prepare(database);
    await applyMigrations({ ...database, log: () => {} });
    client = new Client({ connectionString: database.adminUrl });
    await client.connect();
    await client.query(FIXTURE);
  });
  afterAll(async () => {
    await client.end();
    await database[Symbol.asyncDispose]();
    await platform.stop();
  });

  /** Whether the statement touches or shows a row; nothing of it is kept. */
  async function succeeds(claims: { role: string; sub?: string }, sql: string): Promise<boolean> {
    await client.query('begin');
    try {
      await client.query(`select set_config('request.jwt.claims', $1, true)`, [JSON.stringify(claims)]);
      await client.query(`set local role ${claims.role}`);
      const { rowCount } = await client.query(sql.replaceAll('$me', `'${claims.sub ?? id(9)}'`));
      return (rowCount ?? 0) > 0;
    } catch (thrown) {
      if (codeOf(thrown) === INSUFFICIENT_PRIVILEGE) return false;
      throw thrown;
    } finally {
      await client.query('rollback');
    }
  }

  it.each(attempts)('who may %s', async (_what, sql, who) => {
    const able: Person[] = [];
    for (const person of PEOPLE) {
      if (await succeeds({ role: 'authenticated', sub: idOf(person) }, sql)) able.push(person);
    }
    expect(able).toEqual(who);
  });

  it('nobody may do any of it without a token', async () => {
    const able: string[] = [];
    for (const [what, sql] of attempts) {
      if (await succeeds({ role: 'anon' }, sql)) able.push(what);
    }
    expect(able).toEqual([]);
  });

  it('users call no function about members but those that ask who they are', async () => {
    const { rows } = await client.query(
      `select proname as name from pg_proc
       where pronamespace = 'runcast'::regnamespace and proname = any ($1) and has_function_privilege('authenticated', oid, 'execute')`,
      [['email_of_caller', 'has_other_admin', 'keep_origin', 'lock_tenant', 'member_emails']],
    );
    expect(rows.map(({ name }) => name).sort()).toEqual(['lock_tenant', 'member_emails']);
  });

  it.each([
    ['user who owns it', { role: 'authenticated', sub: idOf('member') }],
    ['service', { role: 'service_role' }],
  ])('no %s writes to a running workflow past its functions', async (_who, claims) => {
    const able: string[] = [];
    for (const table of ['workflow_runs', 'workflow_step_runs', 'approvals', 'run_queue']) {
      const column = table === 'run_queue' ? 'lane' : 'execution_id';
      for (const statement of [
        `update runcast.${table} set ${column} = ${column}`,
        `delete from runcast.${table}`,
        `insert into runcast.${table} select * from runcast.${table}`,
      ]) {
        if (await succeeds(claims, statement)) able.push(statement);
      }
    }
    expect(able).toEqual([]);
  });

  it('service_role may do all of it', async () => {
    const unable: string[] = [];
    for (const [what, sql] of attempts) {
      const asAdmin = sql.replaceAll('$me', `'${idOf('admin')}'`);
      if (!(await succeeds({ role: 'service_role' }, asAdmin))) unable.push(what);
    }
    expect(unable).toEqual([]);
  });
});

const FIXTURE = `
  insert into auth.users (id, email) values
    ${PEOPLE.map((person) => `('${idOf(person)}', '${person}@example.com')`).join(', ')};
  insert into tenants (id, name, subdomain) values ('${TENANT}', 'Ours', 'ours'), ('${OTHER_TENANT}', 'Theirs', 'theirs');
  insert into user_tenants (tenant_id, user_id, role, status) values
    ('${TENANT}', '${idOf('admin')}', 'admin', 'active'), ('${TENANT}', '${idOf('member')}', 'member', 'active'),
    ('${TENANT}', '${idOf('viewer')}', 'viewer', 'active'), ('${TENANT}', '${idOf('billing')}', 'billing', 'active'),
    ('${TENANT}', '${idOf('pending')}', 'admin', 'pending'), ('${TENANT}', '${idOf('suspended')}', 'admin', 'suspended'),
    ('${OTHER_TENANT}', '${idOf('outsider')}', 'admin', 'active'), ('${OTHER_TENANT}', '${idOf('member')}', 'member', 'active');
  insert into agents (id, name, version, category, output_type, tenant_id, created_by) values
    ('${MEMBERS_AGENT}', 'a', '1.0.0', 'custom', 'text', '${TENANT}', '${idOf('member')}'),
    ('${ADMINS_AGENT}', 'a', '1.0.0', 'custom', 'text', '${TENANT}', '${idOf('admin')}'),
    ('${NOBODYS_AGENT}', 'a', '1.0.0', 'custom', 'text', null, null),
    ('${id(3, 4)}', 'a', '1.0.0', 'custom', 'text', '${TENANT}', '${idOf('suspended')}');
  insert into workflows (id, name, version, category, trigger, start_step_id, tenant_id, created_by) values
    ('${MEMBERS_WORKFLOW}', 'w', '1.0.0', 'custom', '{}', '${id(9)}', '${TENANT}', '${idOf('member')}'),
    ('${ADMINS_WORKFLOW}', 'w', '1.0.0', 'custom', '{}', '${id(9)}', '${TENANT}', '${idOf('admin')}'),
    ('${id(4, 3)}', 'w', '1.0.0', 'custom', '{}', '${id(9)}', '${TENANT}', '${idOf('suspended')}');
  insert into agent_executions (id, agent_id, user_id, tenant_id)
  values ('${id(5, 1)}', '${MEMBERS_AGENT}', '${idOf('member')}', '${TENANT}');
  insert into workflow_executions (id, workflow_id, user_id, tenant_id)
  values ('${id(5, 2)}', '${MEMBERS_WORKFLOW}', '${idOf('member')}', '${TENANT}');
  insert into runcast.workflow_runs (execution_id, plan, lane, is_audited) values ('${id(5, 2)}', '{}', '${TENANT}', false);
  insert into runcast.run_queue (kind, execution_id, lane, priority) values ('workflow', '${id(5, 2)}', '${TENANT}', 1);
  insert into runcast.workflow_step_runs (id, execution_id, step_id, name, type, parent_id, place, iteration, position, path, after, joins_any, is_last, lane)
  select run, '${id(5, 2)}', '${id(9)}', 'ask', 'human', '${id(5, 2)}', 'main', iteration, 1, '', '{}', false, true, '${TENANT}'
  from (values ('${id(6, 1)}'::uuid, 0), ('${id(6, 2)}', 1)) as runs (run, iteration);
  insert into runcast.approvals (execution_id, step_run_id, step_id, prompt, is_required, assigned_to) values
    ('${id(5, 2)}', '${id(6, 1)}', '${id(9)}', 'Go on?', true, null),
    ('${id(5, 2)}', '${id(6, 2)}', '${id(9)}', 'Go on?', true, '${idOf('viewer')}');
  insert into agent_execution_logs (execution_id, agent_id, user_id, tenant_id, status, started_at)
  values ('${id(5, 1)}', '${MEMBERS_AGENT}', '${idOf('member')}', '${TENANT}', 'started', now());
  insert into workflow_execution_logs (execution_id, workflow_id, user_id, tenant_id, status, started_at)
  values ('${id(5, 2)}', '${MEMBERS_WORKFLOW}', '${idOf('member')}', '${TENANT}', 'started', now());
  insert into usage_metrics (user_id, tenant_id, metric_type, quantity)
  values ('${idOf('member')}', '${TENANT}', 'api_calls', 1), ('${idOf('member')}', null, 'api_calls', 1);
  insert into subscriptions (user_id, tenant_id, tier, current_period_start, current_period_end)
  values ('${idOf('member')}', '${TENANT}', 'pro', now(), now());
  insert into billing_events (user_id, event_type) values ('${idOf('member')}', 'payment_succeeded');
  insert into error_logs (user_id, tenant_id, error) values ('${idOf('member')}', '${TENANT}', '{}'), (null, '${TENANT}', '{}');
  insert into telemetry_events (user_id, tenant_id, type)
  values ('${idOf('member')}', '${TENANT}', 'security'), (null, '${TENANT}', 'security');
  insert into performance_metrics (metric, value, unit) values ('latency', 1, 'ms');
  insert into runcast.invitations (tenant_id, email, role) values ('${TENANT}', 'guest@example.com', 'viewer');
`;
