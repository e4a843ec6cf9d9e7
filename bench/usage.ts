import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { loadCalendar } from '../src/graphql/calendar.ts';
import { reportInput } from '../src/modules/billing/report-input.ts';
import { groupsStatement, loadGroups } from '../src/modules/billing/report-sql.ts';
import { compactUsage } from '../src/modules/billing/upkeep.ts';
import { METRICS } from '../src/modules/billing/vocabulary.ts';
import type { Sql } from '../src/platform/db/sql.ts';
import { createViewerDatabase } from '../src/platform/db/viewer.ts';
import { createLogger } from '../src/platform/logger.ts';
import { withDatabase } from './database.ts';
import type { Table } from './table.ts';

const ROWS = 5_000_000;
const USERS = 50;
const RUNS = 20;
const MONTH = { from: new Date('2026-02-28T23:00:00Z'), to: new Date('2026-03-31T22:00:00Z') };

/** By what the report is divided, and the period; the first is the one with a target, 300 ms. */
const CASES: [name: string, asked: object][] = [
  ['a month by day and metric', { groupBy: ['metric', 'day'] }],
  ['by hour and metric', { groupBy: ['metric', 'hour'] }],
  [
    'by day and metric, edges within a quarter',
    { period: { from: new Date('2026-03-01T10:07:11Z'), to: new Date('2026-03-31T10:07:11Z') } },
  ],
  ['by day, metric and user', { groupBy: ['metric', 'user', 'day'] }],
];

/** usageReport's statements over 5 million rows of one tenant and month, as its billing role asks for them. */
export async function usage(): Promise<Table> {
  return withDatabase(async (urls) => {
    const client = new Client({ connectionString: urls.admin });
    await client.connect();
    const tenant = randomUUID();
    const payer = await fill(client, tenant);
    const db = createViewerDatabase({ url: urls.api, poolSize: 1, log: createLogger('silent') });
    const claims = { role: 'authenticated', sub: payer } as const;
    try {
      const rows: string[][] = [];
      for (const [name, given] of CASES) {
        rows.push(await db.withViewer(claims, ({ sql }) => measure(sql, name, tenant, given)));
      }
      await db.withViewer(claims, ({ sql }) => printPlan(sql, tenant));
      return {
        title: `usageReport over ${ROWS.toLocaleString('en')} usage rows of one tenant and month, ms`,
        columns: ['Europe/Berlin', 'groups', 'buckets', 'p50', 'p95', 'max'],
        rows,
      };
    } finally {
      await db.close();
      await client.end();
    }
  });
}

/** @returns the id of a user with the role billing */
async function fill(client: Client, tenant: string): Promise<string> {
  const began = performance.now();
  const users = Array.from({ length: USERS }, () => randomUUID());
  await client.query('insert into auth.users (id, email) select id, id::text from unnest($1::uuid[]) id', [
    users,
  ]);
  await client.query('insert into tenants (id, name, subdomain) values ($1, $2, $2)', [tenant, 'bench']);
  await client.query(`insert into user_tenants (tenant_id, user_id, role) values ($1, $2, 'billing')`, [
    tenant,
    users[0],
  ]);
  await client.query('set synchronous_commit = off');
  await client.query(`set work_mem = '256MB'`);
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes
     where schemaname = 'public' and tablename = 'usage_metrics' and indexname <> 'usage_metrics_pkey'`,
  );
  for (const { name } of indexes) await client.query(`drop index public.${name}`);
  for (let done = 0; done < ROWS; done += ROWS / 10) {
    await client.query(
      `insert into usage_metrics (user_id, tenant_id, metric_type, quantity, "timestamp")
       select ($1::uuid[])[1 + i % ${USERS}], $2, ($3::text[])[1 + floor(random() * cardinality($3::text[]))::int],
         (random() * 100)::int, $4::timestamptz + i * (($5::timestamptz - $4::timestamptz) / ${ROWS})
       from generate_series($6::int, $7::int) i`,
      [users, tenant, Object.keys(METRICS), MONTH.from, MONTH.to, done, done + ROWS / 10 - 1],
    );
  }
  for (const { definition } of indexes) await client.query(definition);
  const sql: Sql = { query: async (text, values) => (await client.query(text, values && [...values])).rows };
  while ((await compactUsage(sql)) > 0) {}
  await client.query('vacuum analyze');
  const { rows } = await client.query(
    `select (select count(*) from usage_metrics)::int as rows, (select count(*) from runcast.usage_by_tenant)::int as tenant,
       (select count(*) from runcast.usage_by_user)::int as users`,
  );
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(
    `filled in ${seconds} s: ${rows[0].rows} rows, ${rows[0].tenant} sums by tenant, ${rows[0].users} by user`,
  );
  return users[0] ?? '';
}

function inputOf(tenant: string, given: object) {
  return reportInput.parse({ period: MONTH, tenantId: tenant, timezone: 'Europe/Berlin', ...given });
}

async function measure(sql: Sql, name: string, tenant: string, given: object): Promise<string[]> {
  const asked = inputOf(tenant, given);
  const times: number[] = [];
  let shape = ['', ''];
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now();
    const calendar = await loadCalendar(sql, asked);
    const groups = await loadGroups(sql, { tenantId: tenant }, asked, calendar);
    times.push(performance.now() - began);
    shape = [String(groups.length), String(calendar.starts.length)];
  }
  // The first one warms the cache.
  const sorted = times.slice(1).sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0);
  return [name, ...shape, at(0.5), at(0.95), at(1)];
}

async function printPlan(sql: Sql, tenant: string): Promise<void> {
  const asked = inputOf(tenant, { groupBy: ['metric', 'day'] });
  const { starts, previousFrom } = await loadCalendar(sql, asked);
  const lines = await sql.query<{ 'QUERY PLAN': string }>(
    `explain (analyze, buffers, costs off)
     ${groupsStatement({ scope: { tenantId: tenant }, by: asked.by, hasMetrics: false })}`,
    [tenant, previousFrom, MONTH.from, MONTH.to, starts],
  );
  for (const line of lines) console.log(line['QUERY PLAN'].replace(/'\{[^}]*\}'/, "'{…}'"));
}
