-- What the lists of agents and of their runs are ordered by, id as the tie-breaker; those that are asked for most have
-- their indexes since 20261123000000.

create index idx_agents_tenant_id_updated_at on public.agents (tenant_id, updated_at desc, id desc);
-- Also finds the versions of a name, which create, update and clone look at.
create index idx_agents_tenant_id_name on public.agents (tenant_id, name, id);
create index idx_agent_execution_logs_execution_id_started_at
  on public.agent_execution_logs (execution_id, started_at, id);
