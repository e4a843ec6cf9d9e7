-- Nothing but people and programs starts workflows any more. Schedules are made from the workflows' rows again; the
-- secrets of webhooks are lost.
do $$
begin
  if to_regclass('public.workflows') is not null then
    drop trigger if exists runcast_schedule on public.workflows;
  end if;
  if to_regclass('public.telemetry_events') is not null then
    drop trigger if exists runcast_events on public.telemetry_events;
  end if;
  if to_regclass('public.training_executions') is not null then
    drop trigger if exists runcast_events on public.training_executions;
  end if;
end
$$;
drop index if exists public.idx_workflows_event_name;
drop function if exists
  runcast.attach_workflow_triggers(), runcast.hear_training(), runcast.hear_telemetry(), runcast.announce_event(jsonb),
  runcast.is_listened_for(text, uuid, uuid), runcast.follow_workflow_trigger(),
  runcast.set_workflow_schedule(uuid, jsonb, boolean);
drop table if exists runcast.workflow_webhooks, runcast.workflow_schedules;
