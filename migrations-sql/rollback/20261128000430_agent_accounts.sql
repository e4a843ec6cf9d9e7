-- What runs use is not added up any more.
drop trigger runcast_account_for_agent on public.agent_executions;
drop function runcast.rerate_agent_steps(timestamptz, uuid), runcast.account_for_agent(), runcast.agent_tallies(uuid);
