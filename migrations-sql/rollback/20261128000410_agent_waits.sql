-- Runs that wait do so for ever.
drop trigger runcast_wake_parent_agent on runcast.execution_streams;
drop function runcast.wake_parent_agent(), runcast.wake_agent_run(uuid),
  runcast.decide_agent_approval(uuid, uuid, text, text),
  runcast.request_agent_approval(uuid, integer, text, text, text, jsonb),
  runcast.retry_agent_run(uuid, integer, text, bigint, bigint), runcast.suspend_agent_run(uuid, integer, text, bigint),
  runcast.agent_waits(uuid), runcast.resume_agent_run(uuid);
drop table runcast.agent_approvals;
