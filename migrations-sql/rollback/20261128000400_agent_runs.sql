-- Runs that wait or run end with what ran them.
drop trigger runcast_wake_parent_agent on runcast.execution_streams;
drop trigger runcast_account_for_agent on public.agent_executions;
drop function runcast.wake_parent_agent(), runcast.wake_agent_run(uuid), runcast.account_for_agent(),
  runcast.rerate_agent_steps(timestamptz, uuid), runcast.sweep_agent_memories(),
  runcast.decide_agent_approval(uuid, uuid, text, text),
  runcast.request_agent_approval(uuid, integer, text, text, text, jsonb),
  runcast.retry_agent_run(uuid, integer, text, bigint, bigint),
  runcast.suspend_agent_run(uuid, integer, text, bigint), runcast.agent_waits(uuid),
  runcast.resume_agent_run(uuid), runcast.agent_tallies(uuid),
  runcast.finish_agent_step(uuid, integer, text, text, jsonb, jsonb, jsonb, bigint, boolean),
  runcast.begin_agent_step(uuid, integer, text, text, text, jsonb, integer, integer),
  runcast.lock_agent_run(uuid, integer), runcast.begin_agent_run(uuid, boolean, integer),
  runcast.price_tokens(runcast.model_prices, bigint, bigint, bigint, bigint),
  runcast.set_model_price(text, text, numeric, numeric, numeric, numeric, timestamptz),
  runcast.model_price(text, text, timestamptz);
drop table runcast.model_prices, runcast.agent_memories, runcast.agent_approvals, runcast.agent_steps, runcast.agent_runs;
