do $$
declare
  v_table regclass;
  v_trigger name;
begin
  for v_table, v_trigger in
    select tgrelid::regclass, tgname from pg_catalog.pg_trigger
    where not tgisinternal and tgname in ('zz_runcast_capture', 'zz_runcast_open', 'zz_runcast_close', 'zz_runcast_close_all')
  loop
    execute format('drop trigger %I on %s', v_trigger, v_table);
  end loop;
end
$$;

drop function if exists
  runcast.attach_feed(), runcast.capture_execution_change(), runcast.capture_training_change(),
  runcast.follow_row(text, text, text, uuid), runcast.close_all_executions(), runcast.close_execution(),
  runcast.open_execution(), runcast.open_stream(text, jsonb), runcast.external_status(text, text, text, text),
  runcast.external_logs(text[]), runcast.external_log(text, text), runcast.plain_lines(text[]),
  runcast.known_lines(text[], text[]);

delete from runcast.projection_key;
