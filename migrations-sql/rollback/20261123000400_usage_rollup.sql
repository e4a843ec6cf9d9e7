-- The sums and the idempotency keys are lost; usage itself stays as it is.
drop table if exists runcast.usage_idempotency_keys;
do $$
begin
  if to_regclass('public.usage_metrics') is not null then
    drop trigger if exists zz_runcast_usage_insert on public.usage_metrics;
    drop trigger if exists zz_runcast_usage_update on public.usage_metrics;
    drop trigger if exists zz_runcast_usage_delete on public.usage_metrics;
    drop trigger if exists zz_runcast_usage_truncate on public.usage_metrics;
  end if;
end
$$;
drop function if exists
  runcast.attach_usage_rollup(), runcast.rebuild_usage_rollup(), runcast.compact_usage(integer),
  runcast.capture_usage();
drop index if exists public.idx_usage_metrics_user_id_timestamp, public.idx_usage_metrics_tenant_id_timestamp;
drop table if exists runcast.usage_by_user, runcast.usage_by_tenant, runcast.usage_deltas;
