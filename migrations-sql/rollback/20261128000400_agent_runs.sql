-- Runs that wait or run end with what ran them.
drop function runcast.finish_agent_step(uuid, integer, text, text, jsonb, jsonb, jsonb, bigint, boolean),
  runcast.begin_agent_step(uuid, integer, text, text, text, jsonb, integer, integer),
  runcast.lock_agent_run(uuid, integer), runcast.begin_agent_run(uuid, boolean, integer);
drop table runcast.agent_steps, runcast.agent_runs;
