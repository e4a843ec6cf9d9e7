import { randomUUID } from 'node:crypto';
import { compactUsage } from '../../src/modules/billing/upkeep.ts';
import { codeOf, messageOf } from '../../src/platform/errors.ts';
import { connectFeed, type FeedClient, insertUser } from './feed.ts';
import { faultsOfRollup, leftovers, METRICS } from './usage.ts';

const WRITERS = 8;
const COMPACTORS = 2;

export type UsageWritersReport = {
  committed: number;
  rolledBack: number;
  compacted: number;
  /** How often sums and rows were compared while all that went on. */
  compared: number;
  rows: number;
  faults: string[];
};

type Run = {
  url: string;
  users: string[];
  tenants: string[];
  isOver: () => boolean;
  report: UsageWritersReport;
};

/**
 * 8 writers that insert, change, move and delete usage of the same tenants, metrics and quarters of an hour, each
 * transaction in an order of its own, a fifth of them rolled back; with two compactors, and one who compares sums and
 * rows all the while.
 */
export async function runUsageWriters(url: string, durationMs: number): Promise<UsageWritersReport> {
  await using admin = await connectFeed(url);
  const users: string[] = [];
  for (let i = 0; i < WRITERS; i++) users.push(await insertUser(admin));
  const tenants = [randomUUID(), randomUUID(), randomUUID()];
  for (const id of tenants) {
    await admin.query('insert into public.tenants (id, name, subdomain) values ($1, $2, $3)', [id, 'T', id]);
  }
  const report: UsageWritersReport = {
    committed: 0,
    rolledBack: 0,
    compacted: 0,
    compared: 0,
    rows: 0,
    faults: [],
  };
  const deadline = Date.now() + durationMs;
  // On a busy machine the time alone could be over before every case came up.
  const isOver = () =>
    Date.now() >= deadline && report.rolledBack > 20 && report.compared > 2 && report.compacted > 100;
  const run: Run = { url, users, tenants, isOver, report };
  await Promise.all([
    ...users.map((user) => write(run, user)),
    ...Array.from({ length: COMPACTORS }, () => compact(run)),
    compare(run),
  ]);
  while ((await compactUsage(admin)) > 0) {}
  report.faults.push(...(await faultsOfRollup(admin)));
  const left = await leftovers(admin);
  if (left > 0) report.faults.push(`${left} rows of sums that stand for nothing`);
  const [counted] = await admin.query<{ rows: number }>(
    'select count(*)::int as rows from public.usage_metrics',
  );
  report.rows = counted?.rows ?? 0;
  return report;
}

async function write(run: Run, user: string): Promise<void> {
  await using db = await connectFeed(run.url);
  while (!run.isOver()) {
    try {
      await db.query('begin');
      const steps = 1 + Math.floor(Math.random() * 4);
      for (let step = 0; step < steps; step++) await change(db, run, user);
      const isKept = Math.random() >= 0.2;
      await db.query(isKept ? 'commit' : 'rollback');
      run.report[isKept ? 'committed' : 'rolledBack']++;
    } catch (error) {
      await db.query('rollback');
      run.report.faults.push(`writer: ${codeOf(error)} ${messageOf(error)}`);
      return;
    }
  }
}

/** Rows are the writer's own, so nobody waits for a row; tenants, metrics and quarters of an hour are everybody's. */
async function change(db: FeedClient, { tenants }: Run, user: string): Promise<void> {
  const tenant = Math.random() < 0.8 ? one(tenants) : null;
  const own = 'id in (select id from public.usage_metrics where user_id = $1 order by random() limit 3)';
  const way = Math.random();
  if (way < 0.4) {
    await db.query(
      `insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity) values ($1, $2, $3, $4)`,
      [user, tenant, one(METRICS), Math.floor(Math.random() * 100)],
    );
  } else if (way < 0.65) {
    // Late, and of several keys in a random order.
    await db.query(
      `insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity, "timestamp")
       select $1, $2, ($3::text[])[1 + floor(random() * 4)::int], (random() * 50)::int,
         now() - random() * interval '2 hours' from generate_series(1, 20)`,
      [user, tenant, METRICS],
    );
  } else if (way < 0.75) {
    await db.query(`update public.usage_metrics set quantity = quantity + 7 where ${own}`, [user]);
  } else if (way < 0.85) {
    await db.query(
      `update public.usage_metrics set tenant_id = $2, metric_type = $3,
         "timestamp" = "timestamp" - random() * interval '1 hour' where ${own}`,
      [user, tenant, one(METRICS)],
    );
  } else if (way < 0.9) {
    await db.query(`update public.usage_metrics set metadata = '{"seen": true}' where ${own}`, [user]);
  } else {
    await db.query(`delete from public.usage_metrics where ${own}`, [user]);
  }
}

async function compact({ url, isOver, report }: Run): Promise<void> {
  await using db = await connectFeed(url);
  await db.as('service_role');
  while (!isOver()) {
    try {
      report.compacted += await compactUsage(db, 1 + Math.floor(Math.random() * 50));
    } catch (error) {
      report.faults.push(`compactor: ${codeOf(error)} ${messageOf(error)}`);
      return;
    }
  }
}

async function compare({ url, isOver, report }: Run): Promise<void> {
  await using db = await connectFeed(url);
  while (!isOver() && report.faults.length === 0) {
    report.faults.push(...(await faultsOfRollup(db)));
    report.compared++;
  }
}

function one<T>(list: readonly T[]): T {
  const item = list[Math.floor(Math.random() * list.length)];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}
