import type { Calendar } from '../../graphql/calendar.ts';
import type { Sql } from '../../platform/db/sql.ts';
import { type Grouping, MAX_POINTS, type ReportInput } from './report-input.ts';
import { METRICS } from './vocabulary.ts';

/** A group as one row: its sums, those of the period before, and one figure for each bucket. */
export type GroupRow = {
  metric: string | null;
  userId: string | null;
  tenantId: string | null;
  quantity: string;
  records: string;
  previousQuantity: string;
  previousRecords: string;
  changePercent: number | null;
  /** Null where there would be more than MAX_POINTS of them in all groups together. */
  quantities: string[] | null;
  recordCounts: string[] | null;
  groups: number;
  totalQuantity: string;
  totalRecords: string;
  totalPreviousQuantity: string;
  totalPreviousRecords: string;
  totalChangePercent: number | null;
};

export type Scope = { tenantId: string } | { userId: string };

const COLUMNS: Readonly<Record<Grouping, string>> = {
  metric: 'metric_type',
  user: 'user_id',
  tenant: 'tenant_id',
};

/** Sums per group and bucket, the largest group first; without `by` always one row. */
export function loadGroups(
  sql: Sql,
  scope: Scope,
  { period, by, metrics }: ReportInput,
  { starts, previousFrom }: Calendar,
): Promise<GroupRow[]> {
  const owner = 'tenantId' in scope ? scope.tenantId : scope.userId;
  const values: unknown[] = [owner, previousFrom, period.from, period.to, starts];
  if (metrics !== undefined) values.push(metrics, Object.keys(METRICS));
  return sql.query<GroupRow>(groupsStatement({ scope, by, hasMetrics: metrics !== undefined }), values);
}

/**
 * $1 whose, $2 $3 $4 the period before, the period, its end, $5 the buckets' starts, $6 metrics, $7 all known ones.
 * Cells that an edge of a period runs through are not taken from the sums but from the rows. Their bounds are made up
 * before the join: adding an interval is not leakproof, so behind row-level security no index would be searched by it.
 */
export function groupsStatement(options: {
  scope: Scope;
  by: readonly Grouping[];
  hasMetrics: boolean;
}): string {
  const { by, hasMetrics } = options;
  const isTenant = 'tenantId' in options.scope;
  const keys = by.map((grouping) => COLUMNS[grouping]);
  const list = (alias: string) => keys.map((key) => `${alias}${key}, `).join('');
  const owned = [
    `${isTenant ? 'tenant_id' : 'user_id'} = $1::uuid`,
    ...(hasMetrics
      ? [
          `(metric_type = any($6::text[]) or ('unknown' = any($6::text[]) and metric_type <> all($7::text[])))`,
        ]
      : []),
  ].join(' and ');
  const sums = isTenant && !by.includes('user') ? 'runcast.usage_by_tenant' : 'runcast.usage_by_user';
  const whole = `${owned} and cell >= $2::timestamptz and cell < $4::timestamptz and cell <> all(array(select cell from cut))`;
  const nullOr = (grouping: Grouping) => (by.includes(grouping) ? `g.${COLUMNS[grouping]}` : 'null');
  return `
    with cut as (
      select cell, greatest(cell, $2::timestamptz) as low, least(cell + interval '15 minutes', $4::timestamptz) as high
      from (
        select distinct date_bin('15 minutes', edge, '2000-01-01Z') as cell
        from unnest(array[$2::timestamptz, $3::timestamptz, $4::timestamptz]) edge
        where date_bin('15 minutes', edge, '2000-01-01Z') <> edge
      ) cells
    ), used as (
      select ${list('')}cell as at, quantity, records from runcast.usage_deltas where ${whole}
      union all
      select ${list('')}cell, quantity, records from ${sums} where ${whole}
      union all
      select ${list('')}"timestamp", quantity, 1
      from cut join public.usage_metrics on "timestamp" >= low and "timestamp" < high
      where ${owned}
    ), sums as (
      select ${keys.length > 0 ? `dense_rank() over (order by ${keys.join(', ')})` : '1'} as number, ${list('')}
        width_bucket(at, $5::timestamptz[]) as bucket, sum(quantity) as quantity, sum(records) as records
      from used
      group by ${list('')}bucket
    ), groups as (
      select number, ${list('')}
        coalesce(sum(quantity) filter (where bucket > 0), 0) as quantity,
        coalesce(sum(records) filter (where bucket > 0), 0) as records,
        coalesce(sum(quantity) filter (where bucket = 0), 0) as previous_quantity,
        coalesce(sum(records) filter (where bucket = 0), 0) as previous_records
      from ${keys.length > 0 ? 'sums' : '(select 1 as number) one left join sums using (number)'}
      group by ${list('')}number
    ), counted as (
      select g.*, count(*) over () as groups, sum(quantity) over () as total_quantity, sum(records) over () as total_records,
        sum(previous_quantity) over () as total_previous_quantity, sum(previous_records) over () as total_previous_records
      from groups g
    ), filled as (
      select number, array_agg(coalesce(s.quantity, 0)::text order by bucket) as quantities,
        array_agg(coalesce(s.records, 0)::text order by bucket) as record_counts
      from counted c
      cross join generate_series(1, cardinality($5::timestamptz[])) bucket
      left join sums s using (number, bucket)
      where c.groups * cardinality($5::timestamptz[]) <= ${MAX_POINTS}
      group by number
    )
    select ${nullOr('metric')} as metric, ${nullOr('user')} as "userId", ${nullOr('tenant')} as "tenantId",
      g.quantity, g.records, previous_quantity as "previousQuantity", previous_records as "previousRecords",
      ${change('g.quantity', 'previous_quantity')} as "changePercent",
      quantities, record_counts as "recordCounts", groups::int,
      total_quantity as "totalQuantity", total_records as "totalRecords",
      total_previous_quantity as "totalPreviousQuantity", total_previous_records as "totalPreviousRecords",
      ${change('total_quantity', 'total_previous_quantity')} as "totalChangePercent"
    from counted g left join filled using (number)
    order by g.quantity desc, number`;
}

function change(now: string, before: string): string {
  return `round((${now} - ${before}) * 100 / nullif(abs(${before}), 0), 2)::float8`;
}

/** Whether the caller may see all that is charged to a tenant. */
export async function mayReadTenant(sql: Sql, tenantId: string, isService: boolean): Promise<boolean> {
  const text = isService
    ? 'select exists (select from public.tenants where id = $1::uuid) as may'
    : `select $1::uuid = any (runcast.tenants_of_caller(array['admin', 'billing'])) as may`;
  const [row] = await sql.query<{ may: boolean }>(text, [tenantId]);
  return row?.may ?? false;
}
