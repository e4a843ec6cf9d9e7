import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const CALLER = 'aaaaaaaa-0000-0000-0000-000000000000';
const NEIGHBOUR = 'bbbbbbbb-0000-0000-0000-000000000000';
const OURS = 'aaaaaaaa-1111-0000-0000-000000000000';
const THEIRS = 'bbbbbbbb-1111-0000-0000-000000000000';
const AGENT = 'aaaaaaaa-2222-0000-0000-000000000000';
const WORKFLOW = 'aaaaaaaa-3333-0000-0000-000000000000';

/** How many rows the caller sees of each table, all of them older than everybody else's. */
const OWN_ROWS = 60;
const PAGE = 20;

/** What is listed, and what the list says beyond what the policies do. */
const lists: [what: string, table: string, order: string, where?: string][] = [
  ['the agents of all my tenants', 'agents', 'created_at'],
  ['the agents of one tenant', 'agents', 'created_at', `tenant_id = '${OURS}'`],
  ['the workflows of all my tenants', 'workflows', 'created_at'],
  ['the workflows of one tenant', 'workflows', 'created_at', `tenant_id = '${OURS}'`],
  ['the workflows of one tenant by their change', 'workflows', 'updated_at', `tenant_id = '${OURS}'`],
  ['the workflows of one tenant by name', 'workflows', 'name', `tenant_id = '${OURS}'`],
  ['my agent executions', 'agent_executions', 'started_at'],
  ['my executions of one agent', 'agent_executions', 'started_at', `agent_id = '${AGENT}'`],
  ['my workflow executions', 'workflow_executions', 'started_at'],
  ['my executions of one workflow', 'workflow_executions', 'started_at', `workflow_id = '${WORKFLOW}'`],
  ['the states my agents went through', 'agent_execution_logs', 'started_at'],
  ['the states my workflows went through', 'workflow_execution_logs', 'started_at'],
  ['my subscriptions', 'subscriptions', 'created_at', `user_id = '${CALLER}'`],
  ["my tenant's subscriptions", 'subscriptions', 'created_at', `tenant_id = '${OURS}'`],
  ['my usage', 'usage_metrics', '"timestamp"', `user_id = '${CALLER}'`],
  ["my tenant's usage", 'usage_metrics', '"timestamp"', `tenant_id = '${OURS}'`],
  ['my billing events', 'billing_events', '"timestamp"'],
  ['my telemetry', 'telemetry_events', '"timestamp"'],
  ['my errors', 'error_logs', '"timestamp"'],
];

type Plan = {
  'Node Type': string;
  'Relation Name'?: string;
  'Parent Relationship'?: string;
  'Rows Removed by Filter'?: number;
  'Actual Rows': number;
  'Actual Loops': number;
  Plans?: Plan[];
};

/**
 * Lists of 20 under row-level security, beside one neighbour with nearly all rows of every table, which are all newer:
 * whoever reads by time alone reads all of them before the caller's first.
 *
 * @param others how many rows the neighbour has of each table
 * @param tables which ones; default: all
 */
export function describePlans(others: number, tables = Object.keys(rows)): void {
  describe(`a list of ${PAGE} among ${others.toLocaleString('en')} rows of another tenant`, () => {
    let database: TestDatabase;
    let client: Client;
    beforeAll(async () => {
      database = await createTestDatabase();
      client = new Client({ connectionString: database.admin });
      await client.connect();
      await fill(client, others, tables);
    }, 1_800_000);
    afterAll(async () => {
      await client.end();
      await database.drop();
    });

    it.each(
      lists.filter(([, table]) => tables.includes(table)),
    )('reads %s by an index', async (_what, table, order, where) => {
      const sql = `select id from ${table} ${where ? `where ${where}` : ''} order by ${order} desc, id desc limit ${PAGE}`;
      await client.query('begin');
      const nodes = flattened(await planOf(client, sql));
      await client.query('rollback');
      const reading = nodes.filter((node) => node['Relation Name'] === table);
      expect(reading.map((node) => node['Node Type'])).not.toEqual([]);
      expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
      expect(nodes.map((node) => node['Parent Relationship'])).not.toContain('SubPlan');
      const read = reading.map(
        (node) => (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
      );
      expect(Math.max(...read)).toBeLessThanOrEqual(OWN_ROWS);
      expect(nodes[0]?.['Actual Rows']).toBe(PAGE);
    });

    it('would notice a policy that no index serves', async () => {
      await client.query('begin');
      await client.query(
        `alter policy agents_seen_by_role on agents using (
           tenant_id in (select ut.tenant_id from user_tenants ut where ut.user_id = (select auth.uid())));
         alter policy agents_select_members on agents using (true)`,
      );
      const nodes = flattened(
        await planOf(client, 'select id from agents order by created_at desc, id desc limit 20'),
      );
      await client.query('rollback');
      expect(nodes.map((node) => node['Node Type'])).toContain('Seq Scan');
      expect(nodes.map((node) => node['Parent Relationship'])).toContain('SubPlan');
    });
  });
}

/** How Postgres ran the statement for the caller. Within an open transaction. */
async function planOf(client: Client, sql: string): Promise<Plan> {
  await client.query(
    `savepoint caller;
     set local role authenticated;
     set local request.jwt.claims = '${JSON.stringify({ role: 'authenticated', sub: CALLER })}'`,
  );
  const { rows } = await client.query(`explain (analyze, costs off, timing off, format json) ${sql}`);
  await client.query('rollback to savepoint caller');
  return rows[0]['QUERY PLAN'][0].Plan;
}

function flattened(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(flattened)];
}

/** Rows of the neighbour's, and a few older ones of the caller's. Without triggers: the feed is not what is measured. */
async function fill(client: Client, others: number, tables: string[]): Promise<void> {
  await client.query(`
    insert into auth.users (id, email) values ('${CALLER}', 'a@example.com'), ('${NEIGHBOUR}', 'b@example.com');
    insert into tenants (id, name, subdomain) values ('${OURS}', 'Ours', 'ours'), ('${THEIRS}', 'Theirs', 'theirs');
    insert into user_tenants (tenant_id, user_id, role)
    values ('${OURS}', '${CALLER}', 'admin'), ('${THEIRS}', '${NEIGHBOUR}', 'admin');
    set session_replication_role = replica`);
  for (const table of tables) {
    const { columns, values } = rows[table] ?? { columns: '', values: () => '' };
    await client.query(
      `insert into ${table} (${columns})
       select ${values(`'${NEIGHBOUR}'`, `'${THEIRS}'`, 'gen_random_uuid()', "now() - n * interval '1 second'")}
       from generate_series(1, ${others}) n`,
    );
    await client.query(
      `insert into ${table} (${columns})
       select ${values(`'${CALLER}'`, `'${OURS}'`, `'${table.startsWith('agent') ? AGENT : WORKFLOW}'`, "now() - interval '10 years' - n * interval '1 second'")}
       from generate_series(1, ${OWN_ROWS}) n`,
    );
  }
  await client.query('set session_replication_role = default');
  await client.query('vacuum analyze');
}

type Filled = { columns: string; values: (user: string, tenant: string, of: string, at: string) => string };

const rows: Record<string, Filled> = {
  agents: {
    columns: 'name, version, category, output_type, created_by, tenant_id, created_at',
    values: (user, tenant, _of, at) => `'An agent', '1.0.0', 'custom', 'text', ${user}, ${tenant}, ${at}`,
  },
  workflows: {
    columns: 'name, version, category, trigger, start_step_id, created_by, tenant_id, created_at',
    values: (user, tenant, of, at) =>
      `'A workflow', '1.0.0', 'custom', '{}', ${of}, ${user}, ${tenant}, ${at}`,
  },
  agent_executions: {
    columns: 'agent_id, user_id, tenant_id, started_at',
    values: (user, tenant, of, at) => `${of}, ${user}, ${tenant}, ${at}`,
  },
  workflow_executions: {
    columns: 'workflow_id, user_id, tenant_id, started_at',
    values: (user, tenant, of, at) => `${of}, ${user}, ${tenant}, ${at}`,
  },
  agent_execution_logs: {
    columns: 'execution_id, agent_id, user_id, tenant_id, status, started_at',
    values: (user, tenant, of, at) => `gen_random_uuid(), ${of}, ${user}, ${tenant}, 'completed', ${at}`,
  },
  workflow_execution_logs: {
    columns: 'execution_id, workflow_id, user_id, tenant_id, status, started_at',
    values: (user, tenant, of, at) => `gen_random_uuid(), ${of}, ${user}, ${tenant}, 'completed', ${at}`,
  },
  subscriptions: {
    columns: 'user_id, tenant_id, tier, current_period_start, current_period_end, created_at',
    values: (user, tenant, _of, at) => `${user}, ${tenant}, 'free', now(), now(), ${at}`,
  },
  usage_metrics: {
    columns: 'user_id, tenant_id, metric_type, quantity, "timestamp"',
    values: (user, tenant, _of, at) => `${user}, ${tenant}, 'api_calls', 1, ${at}`,
  },
  billing_events: {
    columns: 'user_id, event_type, "timestamp"',
    values: (user, _tenant, _of, at) => `${user}, 'usage_recorded', ${at}`,
  },
  telemetry_events: {
    columns: 'user_id, tenant_id, type, "timestamp"',
    values: (user, tenant, _of, at) => `${user}, ${tenant}, 'api_call', ${at}`,
  },
  error_logs: {
    columns: 'user_id, tenant_id, error, "timestamp"',
    values: (user, tenant, _of, at) => `${user}, ${tenant}, '{"message": "no"}', ${at}`,
  },
};
