drop table if exists
  public.telemetry_events, public.workflow_execution_logs, public.agent_execution_logs, public.error_logs,
  public.performance_metrics;
