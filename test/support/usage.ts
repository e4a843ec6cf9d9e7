import type { Sql } from '../../src/platform/db/sql.ts';

export const METRICS = ['api_calls', 'agent_calls', 'tokens_input', 'something_foreign'] as const;

/**
 * What the sums of usage lack, or have too much of, against the rows themselves, one line each; told by one statement,
 * so at one moment, whatever others do meanwhile. None when they are right.
 */
export async function faultsOfRollup(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ fault: string }>(`
    with raw as (
      select user_id, tenant_id, metric_type::text, sum(quantity) as quantity, count(*) as records,
        to_timestamp(floor(extract(epoch from "timestamp") / 900) * 900) as cell
      from public.usage_metrics group by user_id, tenant_id, metric_type, cell
    ), deltas as (
      select user_id, tenant_id, metric_type, cell, quantity, records from runcast.usage_deltas
    ), by_user as (
      select user_id, tenant_id, metric_type, cell, sum(quantity) as quantity, sum(records) as records
      from (select user_id, tenant_id, metric_type, cell, quantity, records from runcast.usage_by_user
        union all select * from deltas) all_of_it
      group by 1, 2, 3, 4 having sum(quantity) <> 0 or sum(records) <> 0
    ), by_tenant as (
      select tenant_id, metric_type, cell, sum(quantity) as quantity, sum(records) as records
      from (select tenant_id, metric_type, cell, quantity, records from runcast.usage_by_tenant
        union all select tenant_id, metric_type, cell, quantity, records from deltas where tenant_id is not null) all_of_it
      group by 1, 2, 3 having sum(quantity) <> 0 or sum(records) <> 0
    ), raw_by_tenant as (
      select tenant_id, metric_type, cell, sum(quantity) as quantity, sum(records) as records
      from raw where tenant_id is not null group by 1, 2, 3
    ), of_users as (
      select 'usage_by_user lacks ' || to_jsonb(lacking)::text as fault from (
        select user_id, tenant_id, metric_type, cell, quantity, records from raw
        except select user_id, tenant_id, metric_type, cell, quantity, records from by_user) lacking
      union all
      select 'usage_by_user has ' || to_jsonb(extra)::text from (
        select user_id, tenant_id, metric_type, cell, quantity, records from by_user
        except select user_id, tenant_id, metric_type, cell, quantity, records from raw) extra
    ), of_tenants as (
      select 'usage_by_tenant lacks ' || to_jsonb(lacking)::text as fault
      from (select * from raw_by_tenant except select * from by_tenant) lacking
      union all
      select 'usage_by_tenant has ' || to_jsonb(extra)::text
      from (select * from by_tenant except select * from raw_by_tenant) extra
    )
    select fault from of_users union all select fault from of_tenants limit 20`);
  return rows.map(({ fault }) => fault);
}

/** Rows of sums that stand for nothing, and changes that nobody has added up. */
export async function leftovers(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ count: number }>(`
    select ((select count(*) from runcast.usage_deltas)
      + (select count(*) from runcast.usage_by_user where quantity = 0 and records = 0)
      + (select count(*) from runcast.usage_by_tenant where quantity = 0 and records = 0))::int as count`);
  return row?.count ?? -1;
}
