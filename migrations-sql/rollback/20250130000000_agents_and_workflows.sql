-- No cascade: the logs of 20250130000002 point to these tables and go first. The shared trigger function
-- update_updated_at_column stays where another table's trigger still uses it.
drop table if exists
  public.agent_executions, public.workflow_executions, public.agents, public.workflows;

do $$
begin
  drop function if exists public.update_updated_at_column();
exception when dependent_objects_still_exist then null;
end
$$;
