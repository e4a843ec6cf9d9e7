drop function if exists
  runcast.append_execution_events(text, text, jsonb[], integer), runcast.chain_status(text, text, jsonb[]),
  runcast.batch_fault(jsonb[]), runcast.project_execution(text, text, text, integer, text, jsonb, text[]),
  runcast.newest_lines(text[]), runcast.log_lines(runcast.execution_streams, bigint, integer),
  runcast.record_events(runcast.execution_streams, jsonb[], boolean, text),
  runcast.writable_stream(text, text, integer), runcast.lock_execution(text, text), runcast.is_projecting(),
  runcast.is_terminal(text), runcast.status_transitions(text);
drop table if exists runcast.projection_key;
