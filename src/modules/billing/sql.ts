import type { Sql } from '../../platform/db/sql.ts';
import type { UsageInput } from './inputs.ts';
import { CURRENT_STATUSES } from './vocabulary.ts';

/** A usage record to make, with what it was asked by. */
export type Usage = UsageInput & {
  id: string;
  asked: {
    metric: string;
    quantity: number;
    tenantId: string | null;
    timestamp: string | null;
    metadata: unknown;
  };
};

/**
 * Takes those keys that are new; waits for a transaction that has taken one and not ended. Every call takes its keys in
 * one order, so that two batches with the same ones cannot wait for each other.
 *
 * @returns the keys that were taken
 */
export async function takeKeys(sql: Sql, userId: string, keyed: readonly Usage[]): Promise<Set<string>> {
  const rows = await sql.query<{ key: string }>(
    `insert into runcast.usage_idempotency_keys (user_id, key, usage_id, asked)
     select $1, key, id, asked
     from (select distinct on (key) key, id, asked
       from jsonb_to_recordset($2::jsonb) as usage (key text, id uuid, asked jsonb, at int) order by key, at) first
     order by key
     on conflict (user_id, key) do nothing
     returning key`,
    [userId, recordsOf(keyed)],
  );
  return new Set(rows.map(({ key }) => key));
}

/** The records that keys stand for, and whether they were asked for by the same input. */
export async function findKeys(
  sql: Sql,
  userId: string,
  keyed: readonly Usage[],
): Promise<Map<string, { usageId: string; isSame: boolean }>> {
  const rows = await sql.query<{ key: string; usageId: string; isSame: boolean }>(
    `select key, k.usage_id as "usageId", k.asked = usage.asked as "isSame"
     from jsonb_to_recordset($2::jsonb) as usage (key text, asked jsonb)
     join runcast.usage_idempotency_keys k using (key)
     where k.user_id = $1`,
    [userId, recordsOf(keyed)],
  );
  return new Map(rows.map(({ key, ...found }) => [key, found]));
}

export async function insertUsage(sql: Sql, userId: string, records: readonly Usage[]): Promise<void> {
  if (records.length === 0) return;
  await sql.query(
    `insert into public.usage_metrics (id, user_id, tenant_id, metric_type, quantity, "timestamp", metadata)
     select id, $1, (asked ->> 'tenantId')::uuid, asked ->> 'metric', (asked ->> 'quantity')::int,
       coalesce((asked ->> 'timestamp')::timestamptz, now()), nullif(asked -> 'metadata', 'null')
     from jsonb_to_recordset($2::jsonb) as usage (id uuid, asked jsonb)`,
    [userId, recordsOf(records)],
  );
}

function recordsOf(records: readonly Usage[]): string {
  return JSON.stringify(
    records.map(({ id, idempotencyKey, asked }, at) => ({ id, key: idempotencyKey, asked, at })),
  );
}

/** What a user has subscribed to; all but the tier is null without a subscription. */
export type Plan = {
  subscriptionId: string | null;
  tier: string;
  status: string | null;
  periodStart: Date | null;
  periodEnd: Date | null;
};

const FREE: Plan = { subscriptionId: null, tier: 'free', status: null, periodStart: null, periodEnd: null };

/** The user's newest subscription that counts. */
export async function currentPlan(sql: Sql, userId: string): Promise<Plan> {
  const [plan] = await sql.query<Plan>(
    `select id as "subscriptionId", tier, status, current_period_start as "periodStart", current_period_end as "periodEnd"
     from public.subscriptions
     where user_id = $1 and status = any($2::text[])
     order by created_at desc, id desc limit 1`,
    [userId, CURRENT_STATUSES],
  );
  return plan ?? FREE;
}
