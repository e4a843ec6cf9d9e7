-- Nobody is asked any more; what was decided stays in the feeds.
drop function if exists
  runcast.ask_approval(runcast.workflow_step_runs, jsonb), runcast.decide_approval(uuid, uuid, text, text, uuid),
  runcast.assert_may_decide(uuid, uuid);
drop table if exists runcast.approvals;
