-- What people do with a workflow that runs, or has run: cancel, pause, resume, run again from a step.

create function runcast.cancel_workflow(p_id uuid, p_reason text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_reason text := coalesce(p_reason, 'cancelled');
begin
  perform runcast.assert_callers_own('workflow', p_id::text);
  perform runcast.lock_execution('workflow', p_id::text);
  perform runcast.log_workflow_state(p_id, 'cancelled');
  perform runcast.append_workflow_events(p_id,
    runcast.stop_steps(p_id, v_reason) || runcast.status_event('cancelled', v_reason));
  return 'cancelled';
end
$$;

-- Nothing begins while it is paused; what runs may end.
create function runcast.pause_workflow(p_id uuid, p_reason text default null) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform runcast.assert_callers_own('workflow', p_id::text);
  perform runcast.lock_execution('workflow', p_id::text);
  perform runcast.append_execution_events('workflow', p_id::text,
    array[runcast.status_event('paused', coalesce(p_reason, 'paused'))]);
  update runcast.workflow_runs set is_paused = true where execution_id = p_id;
end
$$;

create function runcast.resume_workflow(p_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_workflow runcast.workflow_runs;
  v_run runcast.workflow_step_runs;
  v_place record;
  v_events jsonb[] := array[runcast.status_event('running')];
begin
  perform runcast.assert_callers_own('workflow', p_id::text);
  if runcast.lock_execution('workflow', p_id::text) <> 'paused' then
    raise exception 'the workflow execution % is not paused', p_id using errcode = 'RC008';
  end if;
  select * into v_workflow from runcast.workflow_runs where execution_id = p_id;
  if not found then
    raise exception 'the workflow execution % is run by whoever inserted it', p_id using errcode = 'RC008';
  end if;
  update runcast.workflow_runs set is_paused = false, paused_places = '[]' where execution_id = p_id;
  -- Their jobs came while it was paused, and went.
  for v_run in
    select * from runcast.workflow_step_runs where execution_id = p_id and state in ('queued', 'delayed') order by position
  loop
    perform runcast.enqueue_step(v_run, v_run.state, greatest(v_run.run_at, clock_timestamp()));
  end loop;
  -- Outer places first, which wait for the inner ones still: what these end is gone on with once, from within.
  for v_place in
    select p.parent, p.place, p.iteration
    from (select distinct * from jsonb_to_recordset(v_workflow.paused_places) as x (parent uuid, place text, iteration integer)) p
    order by (
      select min(r.created_at) from runcast.workflow_step_runs r
      where r.execution_id = p_id and r.parent_id = p.parent and r.place = p.place and r.iteration = p.iteration)
  loop
    v_workflow.is_paused := false;
    v_events := v_events || runcast.continue_place(v_workflow, v_place.parent, v_place.place, v_place.iteration);
  end loop;
  perform runcast.append_workflow_events(p_id, v_events);
end
$$;

-- Makes an execution that this transaction has inserted go on from a step of an ended one: what does not come after that
-- step on the main line is taken over as it was, with the plan and the state.
create function runcast.restart_workflow(p_id uuid, p_from uuid, p_step uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_workflow runcast.workflow_runs;
  v_step text := p_step;
  v_holder text;
  v_again uuid[];
begin
  perform runcast.assert_callers_own('workflow', p_from::text);
  select * into v_workflow from runcast.workflow_runs where execution_id = p_from;
  if not found or not v_workflow.plan -> 'steps' ? v_step then
    raise exception 'there is no step % in the workflow execution %', p_step, p_from using errcode = 'RC001';
  end if;
  -- A step within another one is run again with the one on the main line that holds it.
  while not v_workflow.plan #> '{places,main}' @> jsonb_build_array(jsonb_build_object('step', v_step)) loop
    select split_part(place.key, '/', 1) into v_holder from jsonb_each(v_workflow.plan -> 'places') place
    where place.value @> jsonb_build_array(jsonb_build_object('step', v_step)) order by place.key limit 1;
    v_step := v_holder;
  end loop;
  with recursive members as (
    select (m ->> 'step')::uuid as step, m -> 'after' as after from jsonb_array_elements(v_workflow.plan #> '{places,main}') m),
  again as (
    select v_step::uuid as step
    union
    select m.step from members m join again a on m.after ? a.step::text)
  select array_agg(step) into v_again from again;

  perform runcast.start_workflow(p_id, v_workflow.plan, v_workflow.is_audited);
  update public.workflow_executions e set state = f.state from public.workflow_executions f where e.id = p_id and f.id = p_from;
  with recursive kept as (
    select r.* from runcast.workflow_step_runs r
    where r.execution_id = p_from and r.place = 'main' and r.state in ('completed', 'skipped') and r.step_id <> all (v_again)
    union all
    select r.* from runcast.workflow_step_runs r join kept k on r.parent_id = k.id and r.execution_id = p_from
    where r.place <> 'compensate'),
  ids as materialized (select k.id as old, gen_random_uuid() as new from kept k)
  insert into runcast.workflow_step_runs (
    id, execution_id, step_id, name, type, parent_id, place, iteration, position, path, after, joins_any, is_last, lane, state,
    attempt, tries, vars, items, next_iteration, input, output, error, created_at, queued_at, started_at, completed_at)
  select i.new, p_id, k.step_id, k.name, k.type, coalesce(p.new, p_id), k.place, k.iteration, k.position, k.path, k.after,
    k.joins_any, k.is_last, k.lane, k.state, k.attempt, k.tries, k.vars, k.items, k.next_iteration, k.input,
    k.output, k.error, k.created_at, k.queued_at, k.started_at, k.completed_at
  from kept k join ids i on i.old = k.id left join ids p on p.old = k.parent_id;
  insert into runcast.workflow_step_runs (
    execution_id, step_id, name, type, parent_id, place, position, path, after, joins_any, is_last, lane)
  select p_id, (m ->> 'step')::uuid, step ->> 'name', step ->> 'type', p_id, 'main', i, '',
    array(select jsonb_array_elements_text(m -> 'after')::uuid), (m ->> 'any')::boolean, (m ->> 'last')::boolean,
    v_workflow.lane
  from jsonb_array_elements(v_workflow.plan #> '{places,main}') with ordinality as members (m, i)
  cross join lateral (select v_workflow.plan -> 'steps' -> (m ->> 'step') as step) described
  on conflict do nothing;
end
$$;
comment on function runcast.restart_workflow(uuid, uuid, uuid) is
  'start_workflow with the plan and, but for what comes from p_step on, the steps of an earlier execution';

revoke execute on function
  runcast.cancel_workflow(uuid, text), runcast.pause_workflow(uuid, text), runcast.resume_workflow(uuid),
  runcast.restart_workflow(uuid, uuid, uuid)
from public, anon, authenticated;
grant execute on function
  runcast.pause_workflow(uuid, text), runcast.resume_workflow(uuid), runcast.restart_workflow(uuid, uuid, uuid)
to authenticated, service_role;
