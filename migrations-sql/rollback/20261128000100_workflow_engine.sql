-- Workflows do not run any more; their rows, logs and events stay.
drop function if exists
  runcast.open_place(runcast.workflow_runs, runcast.workflow_step_runs, text, integer, jsonb),
  runcast.continue_place(runcast.workflow_runs, uuid, text, integer), runcast.place_output(uuid, uuid, text, integer),
  runcast.close_place(runcast.workflow_runs, uuid, text, integer),
  runcast.continue_loop(runcast.workflow_runs, runcast.workflow_step_runs),
  runcast.complete_step(runcast.workflow_runs, runcast.workflow_step_runs, jsonb, text),
  runcast.step_event(runcast.workflow_step_runs, text, jsonb),
  runcast.append_step_events(uuid, jsonb[]),
  runcast.enqueue_step(runcast.workflow_step_runs, text, timestamptz),
  runcast.retry_at(jsonb, integer, numeric),
  runcast.fail_step(runcast.workflow_runs, runcast.workflow_step_runs, jsonb, boolean, numeric),
  runcast.fail_workflow(runcast.workflow_runs, jsonb), runcast.compensate_next(runcast.workflow_runs),
  runcast.stop_steps(uuid, text), runcast.time_ordered_uuid(), runcast.log_workflow_state(uuid, text), runcast.record_telemetry(uuid, text),
  runcast.end_workflow(runcast.workflow_runs, text, jsonb, jsonb), runcast.append_workflow_events(uuid, jsonb[]),
  runcast.start_workflow(uuid, jsonb, boolean), runcast.begin_workflow(uuid), runcast.take_step(uuid, uuid, uuid, text),
  runcast.step_results(uuid, text, uuid[]), runcast.settle_step(uuid, uuid, integer, jsonb),
  runcast.limit_wait(runcast.workflow_step_runs, numeric),
  runcast.wake_step(uuid, uuid, boolean), runcast.cancel_step_child(uuid), runcast.execution_outcome(text, text);
drop table if exists runcast.workflow_step_runs, runcast.workflow_runs;
