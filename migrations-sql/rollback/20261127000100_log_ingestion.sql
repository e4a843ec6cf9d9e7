comment on table runcast.execution_events is
  'What happened, in order. Written by runcast.append_execution_events and by the triggers on the executions'' tables alone.';
drop function if exists runcast.append_lines(text, text, jsonb, integer), runcast.log_events(jsonb);
