-- Workflows that run cannot be ended by people any more, nor paused or run again from a step.
drop function if exists
  runcast.cancel_workflow(uuid, text), runcast.pause_workflow(uuid, text), runcast.resume_workflow(uuid),
  runcast.restart_workflow(uuid, uuid, uuid);
