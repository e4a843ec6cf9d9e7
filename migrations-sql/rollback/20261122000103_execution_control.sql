drop function if exists
  runcast.request_cancel(text, text, text), runcast.append_own_events(text, text, jsonb[]),
  runcast.start_execution(text, text, uuid, text, text), runcast.refresh_logs(integer),
  runcast.release_execution(text, text, integer, text),
  runcast.finish_execution(text, text, integer, text, text, text, jsonb),
  runcast.take_execution(text, text, text), runcast.status_event(text, text),
  runcast.assert_callers_own(text, text);
