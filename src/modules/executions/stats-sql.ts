import type { Sql } from '../../platform/db/sql.ts';
import type { ExecutionKind } from '../../platform/feed/events.ts';

export type ExecutionStats = {
  total: number;
  /** By stored status, the most frequent first. */
  statuses: { status: string; count: number }[];
  ended: number;
  /** Completed by ended; null where none has ended. */
  successRate: number | null;
  durations: Durations | null;
  /** US dollars, as text; null where no execution says what it cost. */
  cost: string | null;
  tokens: string | null;
};

/** Milliseconds. */
export type Durations = { count: number; mean: number; p50: number; p95: number; p99: number };

export type StatsRange = { from: Date; to: Date; tenantId: string | undefined };

const METRICS = {
  cost: figure('cost'),
  tokens: `coalesce(${figure('tokenUsage')}, ${figure('tokensInput')} + ${figure('tokensOutput')})`,
};

/**
 * A row of one execution: status, begun, completed, and its tallies. The logs hold a row for each state that a run of an
 * agent passed through, with the tallies so far, so it is the largest that counts and not their sum.
 */
const RUNS: Record<ExecutionKind, string> = {
  training: `
    select e.status, e.started_at, e.completed_at, null::numeric as cost, null::numeric as tokens
    from public.training_executions e
    where e.created_at >= $1::timestamptz and e.created_at < $2::timestamptz
      and ($3::uuid is null or exists (
        select from runcast.execution_streams s
        where s.kind = 'training' and s.execution_id = e.id and s.tenant_id = $3::uuid))`,
  agent: `
    select e.status, e.started_at, e.completed_at,
      coalesce(l.cost, ${METRICS.cost}) as cost, coalesce(l.tokens, ${METRICS.tokens}) as tokens
    from public.agent_executions e
    left join lateral (
      select max(cost) as cost, max(token_usage) as tokens
      from public.agent_execution_logs where execution_id = e.id) l on true
    where e.started_at >= $1::timestamptz and e.started_at < $2::timestamptz
      and ($3::uuid is null or e.tenant_id = $3::uuid)`,
  workflow: `
    select e.status, e.started_at, e.completed_at, ${METRICS.cost} as cost, ${METRICS.tokens} as tokens
    from public.workflow_executions e
    where e.started_at >= $1::timestamptz and e.started_at < $2::timestamptz
      and ($3::uuid is null or e.tenant_id = $3::uuid)`,
};

/** A figure of the column metrics; null where it is none, or none that anybody can have run up, whoever wrote it. */
function figure(name: string): string {
  return `case when jsonb_typeof(e.metrics -> '${name}') = 'number'
      and (e.metrics ->> '${name}')::numeric between 0 and 1e12 then (e.metrics ->> '${name}')::numeric end`;
}

const statsOf = (kind: ExecutionKind) => `
  with runs as materialized (${RUNS[kind]}),
  durations as (
    select extract(epoch from completed_at - started_at)::float8 * 1000 as ms
    from runs
    where status in ('completed', 'failed', 'cancelled') and completed_at >= started_at),
  percentiles as (
    select count(*)::float8 as count, avg(ms) as mean,
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by ms) as at
    from durations),
  tallies as (
    select count(*)::float8 as total,
      count(*) filter (where status in ('completed', 'failed', 'cancelled')) as ended,
      count(*) filter (where status = 'completed') as completed,
      sum(cost) as cost, sum(tokens) as tokens
    from runs)
  select t.total, t.ended::float8 as ended, t.completed::float8 / nullif(t.ended, 0) as "successRate",
    trim_scale(t.cost)::text as cost, trunc(t.tokens)::text as tokens,
    case when p.count > 0 then jsonb_build_object(
      'count', p.count, 'mean', p.mean, 'p50', p.at[1], 'p95', p.at[2], 'p99', p.at[3]) end as durations,
    (select coalesce(jsonb_agg(jsonb_build_object('status', status, 'count', count) order by count desc, status), '[]')
      from (select status, count(*) as count from runs group by status) s) as statuses
  from tallies t cross join percentiles p`;

/** The statistics of the executions that the connection's role may see, in one statement. */
export async function loadStats(
  sql: Sql,
  kind: ExecutionKind,
  { from, to, tenantId }: StatsRange,
): Promise<ExecutionStats> {
  const [stats] = await sql.query<ExecutionStats>(statsOf(kind), [from, to, tenantId ?? null]);
  if (stats === undefined) throw new Error('statistics without a group by returned no row');
  return stats;
}
