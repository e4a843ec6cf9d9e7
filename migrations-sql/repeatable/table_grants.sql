-- Who may touch which table at all; row-level security decides about the rows. A plain Postgres grants nothing by
-- itself, Supabase grants everything in public to anon and authenticated, TRUNCATE included, which no policy stops.
-- Runs at the end of every apply, since a table that was dropped and made again has lost its grants.

revoke truncate, references, trigger on
  public.tenants, public.user_tenants, public.training_configs, public.training_datasets,
  public.training_config_datasets, public.agents, public.agent_executions, public.workflows,
  public.workflow_executions, public.subscriptions, public.usage_metrics, public.billing_events,
  public.telemetry_events, public.workflow_execution_logs, public.agent_execution_logs, public.error_logs,
  public.performance_metrics, public.training_executions
from anon, authenticated;

-- Without a token there is one thing to see: public configs.
revoke all on
  public.agents, public.agent_executions, public.workflows, public.workflow_executions, public.subscriptions,
  public.usage_metrics, public.billing_events, public.telemetry_events, public.workflow_execution_logs,
  public.agent_execution_logs, public.error_logs, public.performance_metrics, public.training_executions
from anon;
grant select on public.training_configs to anon;

-- Every command that a policy of the table speaks of.
grant select, insert, update, delete on
  public.training_configs, public.training_datasets, public.training_executions, public.agents, public.workflows
to authenticated;
grant select, insert, delete on public.training_config_datasets to authenticated;
grant select, insert on
  public.agent_executions, public.workflow_executions, public.usage_metrics, public.telemetry_events,
  public.error_logs, public.subscriptions
to authenticated;
grant select on
  public.tenants, public.user_tenants, public.billing_events, public.workflow_execution_logs,
  public.agent_execution_logs, public.performance_metrics
to authenticated;

-- And no other, where a platform grants everything. What a user changes of these rows is a column each; who belongs to
-- a tenant is changed by the functions of 20261123000001 alone.
revoke update, delete on
  public.agent_executions, public.workflow_executions, public.usage_metrics, public.telemetry_events,
  public.error_logs, public.subscriptions
from authenticated;
revoke update on public.training_config_datasets from authenticated;
revoke insert, update, delete on
  public.tenants, public.user_tenants, public.billing_events, public.workflow_execution_logs,
  public.agent_execution_logs, public.performance_metrics
from authenticated;
grant update (cancel_at_period_end) on public.subscriptions to authenticated;
grant update (resolved) on public.error_logs to authenticated;
grant update (name, subdomain, settings) on public.tenants to authenticated;

grant select, insert, update, delete on
  public.tenants, public.user_tenants, public.training_configs, public.training_datasets,
  public.training_config_datasets, public.agents, public.agent_executions, public.workflows,
  public.workflow_executions, public.subscriptions, public.usage_metrics, public.billing_events,
  public.telemetry_events, public.workflow_execution_logs, public.agent_execution_logs, public.error_logs,
  public.performance_metrics, public.training_executions
to service_role;

-- A process that has nothing but the logins sees by it that somebody has migrated.
grant usage on schema supabase_migrations, runcast_migrations to runcast_api, runcast_worker;
grant select (version) on supabase_migrations.schema_migrations to runcast_api, runcast_worker;
grant select on runcast_migrations.checksums to runcast_api, runcast_worker;
