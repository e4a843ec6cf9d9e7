-- Workflows that run. The truth is in rows: one for each run of a step. Every change of an execution is one function that
-- holds the lock of its row; a job only points to a step that is ready, and whoever runs it is fenced by the attempt.
--
-- Steps stand in places (docs/workflows.md): the main line, a branch, an iteration of a loop, a stand-in, a compensation.
-- A place is opened once, all its members at once; it is over when all of them are, and then its holder goes on.

create table runcast.workflow_runs (
  execution_id uuid primary key references public.workflow_executions (id) on delete cascade,
  plan jsonb not null,
  lane uuid not null,
  is_audited boolean not null,
  is_paused boolean not null default false,
  paused_places jsonb not null default '[]',
  is_rolling_back boolean not null default false,
  failure jsonb,
  output jsonb
);
alter table runcast.workflow_runs enable row level security;
create policy workflow_runs_select_nobody on runcast.workflow_runs for select to authenticated using (false);
grant select on runcast.workflow_runs to service_role;
comment on table runcast.workflow_runs is
  'What the engine knows of an execution of a workflow beyond its row. Written by the functions of the engine alone.';
comment on column runcast.workflow_runs.plan is
  'The definition as it was when the execution was started, in the form that runs: {steps: {id: …}, places: {main: [{step, '
  'after, any, last}], "<id>/<place>": …}, errorStrategy, notify}; made by src/modules/workflows/engine/plan.ts';
comment on column runcast.workflow_runs.lane is 'Whose it is among those that are served in turn: the tenant''s, or the owner''s';
comment on column runcast.workflow_runs.paused_places is
  'Where it is to go on when it is resumed, as [{parent, place, iteration}]';
comment on column runcast.workflow_runs.failure is 'Why it fails: {message, code, stepId}; set once, also while compensations run';

create table runcast.workflow_step_runs (
  id uuid primary key default gen_random_uuid(),
  execution_id uuid not null references public.workflow_executions (id) on delete cascade,
  step_id uuid not null,
  name text not null,
  type text not null,
  parent_id uuid not null,
  place text not null check (place in ('main', 'then', 'else', 'loop', 'fallback', 'compensate')),
  iteration integer not null default 0,
  position integer not null,
  path text not null,
  after uuid[] not null,
  joins_any boolean not null,
  is_last boolean not null,
  lane uuid not null,
  state text not null default 'waiting' check (state in (
    'waiting', 'queued', 'running', 'delayed', 'awaiting', 'holding', 'completed', 'skipped', 'failed', 'cancelled')),
  attempt integer not null default 0,
  tries integer not null default 0,
  uses_fallback boolean not null default false,
  worker text,
  job_id uuid,
  turn integer,
  vars jsonb not null default '{}',
  items jsonb,
  next_iteration integer not null default 0,
  input jsonb,
  output jsonb,
  error jsonb,
  run_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  queued_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  unique (execution_id, parent_id, place, iteration, step_id)
) with (fillfactor = 70); -- a run of a step is updated three times: room on the page keeps that out of the indexes
alter table runcast.workflow_step_runs enable row level security;
create policy workflow_step_runs_select_own on runcast.workflow_step_runs
  for select to authenticated
  using (exists (
    select from runcast.execution_streams s
    where s.kind = 'workflow' and s.execution_id = workflow_step_runs.execution_id::text));
grant select on runcast.workflow_step_runs to authenticated, service_role;
create index idx_workflow_step_runs_lane_turn on runcast.workflow_step_runs (lane, turn) where state = 'queued';
create index idx_workflow_step_runs_turn on runcast.workflow_step_runs (turn) where state = 'queued';
create index idx_workflow_step_runs_step on runcast.workflow_step_runs (execution_id, step_id);
create index idx_workflow_step_runs_execution_id on runcast.workflow_step_runs (execution_id, created_at, id);
comment on table runcast.workflow_step_runs is
  'One run of a step in one place: a step in a loop has one for each iteration. Written by the functions of the engine alone.';
comment on column runcast.workflow_step_runs.parent_id is 'The run of the step that holds the place; the execution''s id on the main line';
comment on column runcast.workflow_step_runs.path is 'The iterations that it is within, as <run>:<iteration>/…: what it reads first is from the same ones';
comment on column runcast.workflow_step_runs.after is 'The steps of the same place that lead to it';
comment on column runcast.workflow_step_runs.joins_any is 'Whether the first of those is enough';
comment on column runcast.workflow_step_runs.is_last is 'Whether nothing in its place follows it: its output is the place''s';
comment on column runcast.workflow_step_runs.lane is 'As of its execution';
comment on column runcast.workflow_step_runs.state is
  'waiting for those before it, queued, running, delayed until run_at, awaiting a decision or another execution, holding '
  'while the steps within it run; completed, skipped, failed, cancelled';
comment on column runcast.workflow_step_runs.attempt is 'Counts those who took it; fences their writes';
comment on column runcast.workflow_step_runs.tries is 'Counts its failures: what a lost worker had begun is none';
comment on column runcast.workflow_step_runs.uses_fallback is 'Whether an agent has taken over, as its retry policy has it after the last try';
comment on column runcast.workflow_step_runs.job_id is 'The one job that may take it: a second one for the same run is none';
comment on column runcast.workflow_step_runs.turn is 'When it is served among the steps of all lanes';
comment on column runcast.workflow_step_runs.input is
  'What its config became once what is in braces was filled in, secrets aside; null where nothing is';
comment on column runcast.workflow_step_runs.vars is 'What of loops is in reach: item, index and those around';

-- An event of a step's run.
create function runcast.step_event(p_run runcast.workflow_step_runs, p_state text, p_error jsonb default null) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('type', 'step', 'payload', jsonb_build_object(
    'stepId', (p_run).step_id, 'name', (p_run).name, 'type', (p_run).type, 'state', p_state, 'attempt', (p_run).attempt)
    || case when p_error is null then '{}' else jsonb_build_object('error', p_error) end)
$$;

-- Appends events of steps to an execution whose row is locked: they change neither its status nor its progress, and come
-- from here, so there is nothing to check.
create function runcast.append_step_events(p_execution uuid, p_events jsonb[]) returns bigint
language sql set search_path = '' as $$
  select runcast.record_events(runcast.writable_stream('workflow', p_execution::text), p_events, false, 'unchanged')
$$;

-- Enqueues the job of a run of a step, at its lane's next turn: as runcast.next_turn has it, among the steps that are queued.
create function runcast.enqueue_step(p_run runcast.workflow_step_runs, p_state text, p_at timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
  v_turn integer := greatest(
    (select max(turn) + 1 from runcast.workflow_step_runs where lane = p_run.lane and state = 'queued'),
    (select min(turn) from runcast.workflow_step_runs where state = 'queued'), 0);
begin
  update runcast.workflow_step_runs set
    state = p_state,
    turn = v_turn,
    run_at = p_at,
    queued_at = coalesce(queued_at, clock_timestamp()),
    job_id = runcast.enqueue_job('workflow.step',
      jsonb_build_object('executionId', p_run.execution_id, 'stepRunId', p_run.id), p_at, priority => -v_turn)
  where id = p_run.id;
end
$$;

-- Opens a place: its members, of which those that nothing leads to are ready. p_holder is null for the main line.
create function runcast.open_place(
  p_workflow runcast.workflow_runs, p_holder runcast.workflow_step_runs, p_place text, p_iteration integer default 0,
  p_vars jsonb default '{}') returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_parent uuid := coalesce(p_holder.id, p_workflow.execution_id);
begin
  insert into runcast.workflow_step_runs (
    execution_id, step_id, name, type, parent_id, place, iteration, position, path, after, joins_any, is_last, lane, vars)
  select
    p_workflow.execution_id, (member ->> 'step')::uuid, step ->> 'name', step ->> 'type', v_parent, p_place, p_iteration,
    i, coalesce(p_holder.path, '') || case when p_place = 'loop' then p_holder.id || ':' || p_iteration || '/' else '' end,
    array(select jsonb_array_elements_text(member -> 'after')::uuid), (member ->> 'any')::boolean,
    (member ->> 'last')::boolean, p_workflow.lane, p_vars
  from jsonb_array_elements(
      p_workflow.plan -> 'places' -> case when p_place = 'main' then 'main' else p_holder.step_id || '/' || p_place end)
    with ordinality as members (member, i)
  cross join lateral (select p_workflow.plan -> 'steps' -> (member ->> 'step') as step) described;
  return runcast.continue_place(p_workflow, v_parent, p_place, p_iteration);
end
$$;

-- Makes ready what in a place can run by now; where all of it is over, its holder goes on. Returns the events of all that.
create function runcast.continue_place(
  p_workflow runcast.workflow_runs, p_parent uuid, p_place text, p_iteration integer) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_run runcast.workflow_step_runs;
  v_events jsonb[] := '{}';
  v_delay numeric;
begin
  if p_workflow.is_paused then
    update runcast.workflow_runs set paused_places = paused_places || jsonb_build_array(jsonb_build_object(
      'parent', p_parent, 'place', p_place, 'iteration', p_iteration))
    where execution_id = p_workflow.execution_id;
    return v_events;
  end if;
  for v_run in
    select r.* from runcast.workflow_step_runs r
    where r.execution_id = p_workflow.execution_id and r.parent_id = p_parent and r.place = p_place
      and r.iteration = p_iteration and r.state = 'waiting'
      and (
        select case when r.joins_any then count(*) > 0 else count(*) = cardinality(r.after) end
          or cardinality(r.after) = 0
        from runcast.workflow_step_runs d
        where d.execution_id = r.execution_id and d.parent_id = p_parent and d.place = p_place
          and d.iteration = p_iteration and d.step_id = any (r.after) and d.state in ('completed', 'skipped'))
    order by r.position
  loop
    v_delay := case when v_run.type = 'delay'
      then (p_workflow.plan #>> array['steps', v_run.step_id::text, 'config', 'duration'])::numeric end;
    perform runcast.enqueue_step(v_run, case when v_delay is null then 'queued' else 'delayed' end,
      clock_timestamp() + coalesce(v_delay, 0) * interval '1 millisecond');
    v_events := v_events || runcast.step_event(v_run, case when v_delay is null then 'queued' else 'delayed' end);
  end loop;
  if exists (
    select from runcast.workflow_step_runs
    where execution_id = p_workflow.execution_id and parent_id = p_parent and place = p_place
      and iteration = p_iteration and state not in ('completed', 'skipped'))
  then
    return v_events;
  end if;
  return v_events || runcast.close_place(p_workflow, p_parent, p_place, p_iteration);
end
$$;

-- The output of the step that a place ends with; of several, an object of theirs by step.
create function runcast.place_output(p_execution uuid, p_parent uuid, p_place text, p_iteration integer) returns jsonb
language sql stable set search_path = '' as $$
  select case when count(*) = 1 then (array_agg(output))[1] else jsonb_object_agg(step_id, output) end
  from runcast.workflow_step_runs
  where execution_id = p_execution and parent_id = p_parent and place = p_place and iteration = p_iteration and is_last
$$;

create function runcast.close_place(
  p_workflow runcast.workflow_runs, p_parent uuid, p_place text, p_iteration integer) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_holder runcast.workflow_step_runs;
  v_output jsonb := runcast.place_output(p_workflow.execution_id, p_parent, p_place, p_iteration);
begin
  if p_place = 'main' then
    return runcast.end_workflow(p_workflow, 'completed', p_output => v_output);
  end if;
  select * into v_holder from runcast.workflow_step_runs where id = p_parent;
  if p_place = 'compensate' then
    return runcast.compensate_next(p_workflow);
  elsif v_holder.state <> 'holding' then
    return '{}';
  elsif p_place = 'loop' then
    return runcast.continue_loop(p_workflow, v_holder);
  elsif p_place = 'fallback' then
    return runcast.complete_step(p_workflow, v_holder, v_output);
  end if;
  return runcast.complete_step(p_workflow, v_holder, v_holder.output || jsonb_build_object('output', v_output));
end
$$;

-- Opens further iterations, as many at a time as the loop says; after the last one the loop has the outputs of all.
create function runcast.continue_loop(p_workflow runcast.workflow_runs, p_loop runcast.workflow_step_runs) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_all integer := jsonb_array_length(p_loop.items);
  v_next integer := p_loop.next_iteration;
  v_vars jsonb;
  v_events jsonb[];
begin
  if v_next < v_all then
    update runcast.workflow_step_runs set next_iteration = v_next + 1 where id = p_loop.id;
    v_vars := p_loop.vars || jsonb_build_object('item', p_loop.items -> v_next, 'index', v_next, 'outer', p_loop.vars);
    return runcast.open_place(p_workflow, p_loop, 'loop', v_next, v_vars);
  elsif exists (
    select from runcast.workflow_step_runs
    where execution_id = p_loop.execution_id and parent_id = p_loop.id and place = 'loop'
      and state not in ('completed', 'skipped'))
  then
    return '{}';
  end if;
  return runcast.complete_step(p_workflow, p_loop, (
    select coalesce(jsonb_agg(output order by iteration), '[]')
    from (
      select iteration, case when count(*) = 1 then (array_agg(output))[1] else jsonb_object_agg(step_id, output) end as output
      from runcast.workflow_step_runs
      where execution_id = p_loop.execution_id and parent_id = p_loop.id and place = 'loop' and is_last
      group by iteration) iterations));
end
$$;

create function runcast.complete_step(
  p_workflow runcast.workflow_runs, p_run runcast.workflow_step_runs, p_output jsonb, p_state text default 'completed')
returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_name text := p_workflow.plan #>> array['steps', p_run.step_id::text, 'saveAs'];
begin
  update runcast.workflow_step_runs set state = p_state, output = p_output, completed_at = clock_timestamp()
  where id = p_run.id;
  if v_name is not null and p_state = 'completed' then
    update public.workflow_executions set
      state = jsonb_set(case when jsonb_typeof(state) = 'object' then state else '{}' end, array[v_name], coalesce(p_output, 'null'))
    where id = p_run.execution_id;
  end if;
  return runcast.step_event(p_run, p_state)
    || runcast.continue_place(p_workflow, p_run.parent_id, p_run.place, p_run.iteration);
end
$$;

-- When a step that has failed so often is tried again: null for not at all. Half of the time is chance, so that those that
-- failed together do not come back together.
create function runcast.retry_at(p_policy jsonb, p_tries integer, p_retry_after numeric) returns timestamptz
language plpgsql volatile set search_path = '' as $$
declare
  v_initial numeric := coalesce((p_policy ->> 'initialDelay')::numeric, 1000);
  v_delay numeric;
begin
  if p_policy is null or not coalesce((p_policy ->> 'enabled')::boolean, true)
    or p_tries >= coalesce((p_policy ->> 'maxAttempts')::integer, 3)
  then
    return null;
  end if;
  v_delay := least(coalesce((p_policy ->> 'maxDelay')::numeric, 3600000), case p_policy ->> 'backoff'
    when 'fixed' then v_initial
    when 'linear' then v_initial * p_tries
    else v_initial * power(2::numeric, least(p_tries - 1, 30)) end);
  v_delay := greatest(v_delay * (0.5 + random()::numeric / 2), least(coalesce(p_retry_after, 0), 3600000));
  return clock_timestamp() + v_delay * interval '1 millisecond';
end
$$;

-- A try has failed. p_error is {message, name?, code?}; p_final says that another one would, too.
create function runcast.fail_step(
  p_workflow runcast.workflow_runs, p_run runcast.workflow_step_runs, p_error jsonb, p_final boolean default false,
  p_retry_after numeric default null) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_step jsonb := p_workflow.plan -> 'steps' -> p_run.step_id::text;
  v_on_error text := coalesce(v_step ->> 'onError', 'fail');
  v_again timestamptz := case when not p_final then runcast.retry_at(v_step -> 'retry', p_run.tries + 1, p_retry_after) end;
begin
  update runcast.workflow_step_runs set tries = tries + 1, error = p_error where id = p_run.id returning * into p_run;
  if v_again is not null then
    perform runcast.enqueue_step(p_run, 'delayed', v_again);
    return array[runcast.step_event(p_run, 'delayed', p_error)];
  elsif v_step #>> '{retry,fallbackAgent}' is not null and not p_run.uses_fallback then
    update runcast.workflow_step_runs set uses_fallback = true where id = p_run.id returning * into p_run;
    perform runcast.enqueue_step(p_run, 'queued', clock_timestamp());
    return array[runcast.step_event(p_run, 'queued', p_error)];
  end if;
  if v_on_error = 'skip' then
    return runcast.complete_step(p_workflow, p_run, null, 'skipped');
  elsif v_on_error = 'fallback' and p_workflow.plan -> 'places' ? (p_run.step_id || '/fallback') then
    update runcast.workflow_step_runs set state = 'holding' where id = p_run.id;
    return runcast.step_event(p_run, 'holding', p_error) || runcast.open_place(p_workflow, p_run, 'fallback', 0, p_run.vars);
  elsif p_workflow.plan ->> 'errorStrategy' = 'continue' and not p_workflow.is_rolling_back then
    return runcast.complete_step(p_workflow, p_run, null, 'skipped');
  end if;
  update runcast.workflow_step_runs set state = 'failed', completed_at = clock_timestamp() where id = p_run.id;
  return runcast.step_event(p_run, 'failed', p_error)
    || runcast.fail_workflow(p_workflow, p_error || jsonb_build_object('stepId', p_run.step_id));
end
$$;

create function runcast.fail_workflow(p_workflow runcast.workflow_runs, p_failure jsonb) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_events jsonb[];
begin
  if p_workflow.is_rolling_back then
    -- A compensation that failed does not keep the others from running.
    return runcast.stop_steps(p_workflow.execution_id) || runcast.compensate_next(p_workflow);
  elsif p_workflow.plan ->> 'errorStrategy' = 'rollback' then
    update runcast.workflow_runs set is_rolling_back = true, failure = p_failure
    where execution_id = p_workflow.execution_id returning * into p_workflow;
    v_events := runcast.stop_steps(p_workflow.execution_id);
    return v_events || runcast.compensate_next(p_workflow);
  end if;
  return runcast.end_workflow(p_workflow, 'failed', p_failure);
end
$$;

-- Undoes what was done, the newest first, one after another; when nothing is left, the execution has failed.
create function runcast.compensate_next(p_workflow runcast.workflow_runs) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_done runcast.workflow_step_runs;
begin
  select r.* into v_done from runcast.workflow_step_runs r
  where r.execution_id = p_workflow.execution_id and r.state = 'completed' and r.place <> 'compensate'
    and p_workflow.plan -> 'places' ? (r.step_id || '/compensate')
    and not exists (
      select from runcast.workflow_step_runs c
      where c.execution_id = r.execution_id and c.parent_id = r.id and c.place = 'compensate')
  order by r.completed_at desc, r.position desc, r.id
  limit 1;
  if not found then
    return runcast.end_workflow(p_workflow, 'failed', p_workflow.failure);
  end if;
  return runcast.open_place(p_workflow, v_done, 'compensate', 0, v_done.vars);
end
$$;

-- Takes everything back that has not ended: steps, open decisions, executions that are parts of this one.
create function runcast.stop_steps(p_execution uuid, p_reason text default null) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_events jsonb[];
  v_running boolean;
begin
  v_running := exists (
    select from runcast.workflow_step_runs where execution_id = p_execution and state = 'running');
  with stopped as (
    update runcast.workflow_step_runs set state = 'cancelled', completed_at = clock_timestamp()
    where execution_id = p_execution and state not in ('completed', 'skipped', 'failed', 'cancelled')
    returning *)
  select coalesce(array_agg(runcast.step_event(row(s.*)::runcast.workflow_step_runs, 'cancelled') order by s.created_at), '{}')
  into v_events
  from stopped s where s.queued_at is not null;
  update runcast.approvals set decision = 'withdrawn', decided_at = clock_timestamp()
  where execution_id = p_execution and decision is null;
  perform runcast.cancel_children('workflow', p_execution::text, p_reason);
  -- Transactions that notify are committed one after another, and most executions end with nothing to stop.
  if v_running then
    perform pg_notify('runcast_control', json_build_object('k', 'workflow', 'i', p_execution, 'cancel', true)::text);
  end if;
  return v_events;
end
$$;

-- Ids in the order of time, to the microsecond: rows of one execution have the same start, and lists tell such by id.
create function runcast.time_ordered_uuid() returns uuid
language sql volatile set search_path = '' as $$
  select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000000)::bigint), 14, '0')
    || right(replace(gen_random_uuid()::text, '-', ''), 18))::uuid
$$;

-- One row for each state that an execution passes through, where its workflow wants them.
create function runcast.log_workflow_state(p_execution uuid, p_status text) returns void
language sql set search_path = '' as $$
  insert into public.workflow_execution_logs (
    id, execution_id, workflow_id, user_id, tenant_id, status, started_at, completed_at, duration, steps_executed,
    steps_succeeded, steps_failed, error, input, output)
  select runcast.time_ordered_uuid(), e.id, e.workflow_id, e.user_id, e.tenant_id, p_status, e.started_at,
    case when p_status <> 'started' then clock_timestamp() end,
    case when p_status <> 'started'
      then least(extract(epoch from clock_timestamp() - e.started_at) * 1000, 2147483647)::integer end,
    t.executed, t.succeeded, t.failed, w.failure, e.input, w.output
  from public.workflow_executions e
  join runcast.workflow_runs w on w.execution_id = e.id
  cross join lateral (
    select count(*) filter (where r.attempt > 0) as executed, count(*) filter (where r.state = 'completed') as succeeded,
      count(*) filter (where r.state in ('failed', 'skipped')) as failed
    from runcast.workflow_step_runs r where r.execution_id = e.id) t
  where e.id = p_execution and w.is_audited
$$;

create function runcast.record_telemetry(p_execution uuid, p_type text) returns void
language sql set search_path = '' as $$
  insert into public.telemetry_events (type, user_id, tenant_id, properties)
  select p_type, e.user_id, e.tenant_id, jsonb_strip_nulls(jsonb_build_object(
    'executionId', e.id, 'workflowId', e.workflow_id, 'depth', s.depth, 'error', w.failure))
  from public.workflow_executions e
  join runcast.workflow_runs w on w.execution_id = e.id
  join runcast.execution_streams s on s.kind = 'workflow' and s.execution_id = e.id::text
  where e.id = p_execution
$$;

create function runcast.end_workflow(
  p_workflow runcast.workflow_runs, p_status text, p_failure jsonb default null, p_output jsonb default null) returns jsonb[]
language plpgsql set search_path = '' as $$
declare
  v_id uuid := p_workflow.execution_id;
  v_events jsonb[];
begin
  v_events := runcast.stop_steps(v_id);
  update runcast.workflow_runs set failure = p_failure, output = p_output where execution_id = v_id;
  perform runcast.log_workflow_state(v_id, p_status);
  perform runcast.record_telemetry(v_id, 'workflow_' || p_status);
  if p_status = 'failed' and (p_workflow.plan ->> 'notify')::boolean then
    perform runcast.notify_user(e.user_id, e.tenant_id, format('%s failed', w.name), p_failure ->> 'message',
      jsonb_build_object('kind', 'workflow', 'executionId', v_id), 'workflow-failed:' || v_id)
    from public.workflow_executions e join public.workflows w on w.id = e.workflow_id where e.id = v_id;
  end if;
  return v_events || runcast.status_event(p_status, p_failure ->> 'message');
end
$$;

-- Appends what has happened; after the end the execution's row has its output and its error in full.
create function runcast.append_workflow_events(p_id uuid, p_events jsonb[]) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_last jsonb := p_events[cardinality(p_events)];
  v_seq bigint;
begin
  if cardinality(p_events) = 0 then
    return null;
  elsif not exists (select from unnest(p_events) e where e ->> 'type' = 'status') then
    return runcast.append_step_events(p_id, p_events);
  end if;
  v_seq := runcast.append_execution_events('workflow', p_id::text, p_events);
  if v_last ->> 'type' = 'status' and runcast.is_terminal(v_last #>> '{payload,to}') then
    perform set_config('runcast.projection', key, true) from runcast.projection_key;
    update public.workflow_executions e set
      output = w.output, error = coalesce(w.failure, e.error),
      metrics = coalesce(e.metrics, '{}') || jsonb_build_object(
        'duration', least(extract(epoch from clock_timestamp() - e.started_at) * 1000, 2147483647)::integer)
    from runcast.workflow_runs w
    where e.id = p_id and w.execution_id = p_id;
    perform set_config('runcast.projection', '', true);
  end if;
  return v_seq;
end
$$;

-- Starts an execution of a workflow that this transaction has inserted.
create function runcast.start_workflow(p_id uuid, p_plan jsonb, p_is_audited boolean) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_stream runcast.execution_streams;
begin
  perform runcast.assert_callers_own('workflow', p_id::text);
  select * into v_stream from runcast.execution_streams where kind = 'workflow' and execution_id = p_id::text;
  -- Nobody puts a plan of their own under an execution that somebody else began.
  if v_stream.created_at <> now() or v_stream.origin <> 'external' then
    raise exception 'the workflow execution % can only be started, once, by the transaction that inserts it', p_id
      using errcode = 'RC004';
  end if;
  insert into runcast.workflow_runs (execution_id, plan, lane, is_audited)
  select p_id, p_plan, coalesce(e.tenant_id, e.user_id), p_is_audited from public.workflow_executions e where e.id = p_id;
end
$$;
comment on function runcast.start_workflow(uuid, jsonb, boolean) is
  'Gives an execution that this transaction has inserted its plan; runcast.start_execution comes next';

-- Lets an execution that has a place begin. Does nothing where it has begun, or ended.
create function runcast.begin_workflow(p_id uuid) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  v_workflow runcast.workflow_runs;
  v_events jsonb[];
begin
  if runcast.lock_execution('workflow', p_id::text) <> 'pending' then
    return null;
  end if;
  select * into strict v_workflow from runcast.workflow_runs where execution_id = p_id;
  -- Its steps of a former execution stand already where it goes on from one of them.
  if exists (select from runcast.workflow_step_runs where execution_id = p_id) then
    v_events := runcast.continue_place(v_workflow, p_id, 'main', 0);
  else
    v_events := runcast.open_place(v_workflow, null, 'main');
  end if;
  perform runcast.log_workflow_state(p_id, 'started');
  perform runcast.record_telemetry(p_id, 'workflow_started');
  insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity, metadata)
  select user_id, tenant_id, 'workflow_executions', 1, jsonb_build_object('executionId', p_id)
  from public.workflow_executions where id = p_id;
  return runcast.append_workflow_events(p_id, runcast.status_event('running') || v_events);
end
$$;

-- Gives a step's run to a worker, with all it needs. Null where there is nothing to run: another job has taken it, or the
-- execution is paused or over.
create function runcast.take_step(p_execution uuid, p_step_run uuid, p_job uuid, p_worker text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_run runcast.workflow_step_runs;
  v_execution public.workflow_executions;
begin
  select * into v_execution from public.workflow_executions where id = p_execution for no key update;
  if v_execution.status is distinct from 'running' then
    return null;
  end if;
  update runcast.workflow_step_runs set
    state = 'running', attempt = attempt + 1, worker = p_worker, started_at = coalesce(started_at, clock_timestamp())
  where id = p_step_run and execution_id = p_execution and job_id = p_job and state in ('queued', 'delayed', 'running')
  returning * into v_run;
  if not found then
    return null;
  end if;
  perform runcast.append_step_events(p_execution, array[runcast.step_event(v_run, 'running')]);
  return (
    select jsonb_build_object(
      'attempt', v_run.attempt, 'stepId', v_run.step_id, 'step', w.plan -> 'steps' -> v_run.step_id::text,
      'vars', v_run.vars, 'path', v_run.path, 'error', v_run.error, 'usesFallback', v_run.uses_fallback, 'input', v_execution.input, 'state', v_execution.state,
      'userId', v_execution.user_id, 'tenantId', v_execution.tenant_id)
    from runcast.workflow_runs w where w.execution_id = p_execution);
end
$$;
comment on function runcast.take_step(uuid, uuid, uuid, text) is
  'Makes p_worker the one that runs a step''s run, by the job that points to it, and returns {attempt, stepId, step, vars, '
  'path, input, state, userId, tenantId}; null where there is nothing to run';

-- What the steps before have made, by step: from the same iterations where a step ran in several, else the newest.
create function runcast.step_results(p_execution uuid, p_path text, p_steps uuid[]) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(step_id, jsonb_strip_nulls(jsonb_build_object('error', error))
    || jsonb_build_object('output', output)), '{}')
  from (
    select distinct on (step_id) step_id, output, error
    from runcast.workflow_step_runs
    where execution_id = p_execution and state in ('completed', 'skipped', 'failed', 'holding')
      and (p_steps is null or step_id = any (p_steps))
    order by step_id, starts_with(p_path, path) desc, case when starts_with(p_path, path) then length(path) end desc,
      completed_at desc nulls last
  ) newest
$$;

-- Writes down what became of a step's run, and goes on from there. p_result is {outcome, …}:
--   completed {output}
--   failed {error {message, name?, code?}, final?, retryAfterMs?}
--   branch {holds}: a condition's
--   loop {items, parallelism}
--   approval {prompt, required, assignTo?, timeoutMs?}
--   child {timeoutMs?}: an execution that this transaction has started, with this run as the one that waits
-- and with any of them {input?}.
-- False where the attempt is not the current one: somebody else has taken it, or the execution went on without it.
create function runcast.settle_step(p_execution uuid, p_step_run uuid, p_attempt integer, p_result jsonb) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_run runcast.workflow_step_runs;
  v_workflow runcast.workflow_runs;
  v_outcome text := p_result ->> 'outcome';
  v_place text;
  v_events jsonb[];
begin
  perform runcast.lock_execution('workflow', p_execution::text);
  select * into v_run from runcast.workflow_step_runs
  where id = p_step_run and execution_id = p_execution and state = 'running' and attempt = p_attempt
  for update;
  if not found then
    return false;
  end if;
  if p_result ? 'input' then
    update runcast.workflow_step_runs set input = p_result -> 'input' where id = v_run.id;
  end if;
  select * into strict v_workflow from runcast.workflow_runs where execution_id = p_execution;
  if v_outcome = 'completed' then
    v_events := runcast.complete_step(v_workflow, v_run, p_result -> 'output');
  elsif v_outcome = 'failed' then
    v_events := runcast.fail_step(v_workflow, v_run, p_result -> 'error', coalesce((p_result ->> 'final')::boolean, false),
      (p_result ->> 'retryAfterMs')::numeric);
  elsif v_outcome = 'branch' then
    v_place := case when (p_result ->> 'holds')::boolean then 'then' else 'else' end;
    update runcast.workflow_step_runs set output = jsonb_build_object('holds', p_result -> 'holds', 'branch', v_place)
    where id = v_run.id returning * into v_run;
    if v_workflow.plan -> 'places' ? (v_run.step_id || '/' || v_place) then
      update runcast.workflow_step_runs set state = 'holding' where id = v_run.id;
      v_events := runcast.step_event(v_run, 'holding') || runcast.open_place(v_workflow, v_run, v_place, 0, v_run.vars);
    else
      v_events := runcast.complete_step(v_workflow, v_run, v_run.output);
    end if;
  elsif v_outcome = 'loop' then
    update runcast.workflow_step_runs set state = 'holding', items = p_result -> 'items'
    where id = v_run.id returning * into v_run;
    v_events := array[runcast.step_event(v_run, 'holding')];
    for i in 1 .. greatest(1, least((p_result ->> 'parallelism')::integer, jsonb_array_length(v_run.items))) loop
      select * into v_run from runcast.workflow_step_runs where id = v_run.id;
      v_events := v_events || runcast.continue_loop(v_workflow, v_run);
    end loop;
  elsif v_outcome = 'approval' then
    v_events := runcast.ask_approval(v_run, p_result);
  elsif v_outcome = 'child' then
    update runcast.workflow_step_runs set state = 'awaiting' where id = v_run.id;
    perform runcast.limit_wait(v_run, (p_result ->> 'timeoutMs')::numeric);
    v_events := array[runcast.step_event(v_run, 'awaiting')];
  else
    raise exception '% is no outcome of a step', v_outcome using errcode = 'RC004';
  end if;
  perform runcast.append_workflow_events(p_execution, v_events);
  return true;
end
$$;

create function runcast.limit_wait(p_run runcast.workflow_step_runs, p_timeout_ms numeric) returns timestamptz
language plpgsql set search_path = '' as $$
declare
  v_at timestamptz := clock_timestamp() + p_timeout_ms * interval '1 millisecond';
begin
  if v_at is not null then
    perform runcast.enqueue_job('workflow.wait-over',
      jsonb_build_object('executionId', p_run.execution_id, 'stepRunId', p_run.id), v_at);
  end if;
  return v_at;
end
$$;

-- Goes on with a step that has waited for something, which holds no worker: for the end of another execution, a decision,
-- or the end of its patience. Does nothing where it does not wait any more.
create function runcast.wake_step(p_execution uuid, p_step_run uuid, p_is_over boolean default false) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_run runcast.workflow_step_runs;
  v_workflow runcast.workflow_runs;
  v_child record;
  v_events jsonb[];
begin
  perform runcast.lock_execution('workflow', p_execution::text);
  select * into v_run from runcast.workflow_step_runs
  where id = p_step_run and execution_id = p_execution and state = 'awaiting' for update;
  if not found then
    return false;
  end if;
  select * into strict v_workflow from runcast.workflow_runs where execution_id = p_execution;
  if p_is_over then
    update runcast.approvals set decision = 'expired', decided_at = clock_timestamp()
    where step_run_id = p_step_run and decision is null;
    perform runcast.cancel_step_child(p_step_run);
    v_events := runcast.fail_step(v_workflow, v_run, jsonb_build_object(
      'code', 'TIMEOUT', 'name', 'TimeoutError', 'message', 'The step waited longer than it may.'), true);
  else
    select s.kind, e.status, e.output, e.error into v_child
    from runcast.execution_streams s
    cross join lateral runcast.execution_outcome(s.kind, s.execution_id) e
    where s.parent_step_run = p_step_run and s.state = 'closed'
    order by s.created_at desc limit 1;
    if not found then
      return false;
    elsif v_child.status = 'completed' then
      v_events := runcast.complete_step(v_workflow, v_run, v_child.output);
    else
      v_events := runcast.fail_step(v_workflow, v_run, jsonb_build_object(
        'code', upper(v_child.kind || '_' || v_child.status),
        'message', coalesce(v_child.error, format('The %s run was cancelled.', v_child.kind))), v_child.status = 'cancelled');
    end if;
  end if;
  perform runcast.append_workflow_events(p_execution, v_events);
  return true;
end
$$;

create function runcast.cancel_step_child(p_step_run uuid) returns void
language plpgsql set search_path = '' as $$
declare
  v_child record;
begin
  for v_child in
    select kind, execution_id from runcast.execution_streams where parent_step_run = p_step_run and state = 'open'
  loop
    perform runcast.request_cancel(v_child.kind, v_child.execution_id, 'the step that waited for it gave up');
  end loop;
end
$$;

-- What came of an execution of any kind.
create function runcast.execution_outcome(p_kind text, p_id text, out status text, out output jsonb, out error text)
language plpgsql stable set search_path = '' as $$
begin
  if p_kind = 'training' then
    select e.status, coalesce(e.result, '{}') || jsonb_build_object('executionId', e.id), e.error
    into status, output, error from public.training_executions e where e.id = p_id;
  elsif p_kind = 'agent' then
    select e.status, e.output, coalesce(e.error ->> 'message', e.error::text)
    into status, output, error from public.agent_executions e where e.id = p_id::uuid;
  else
    select e.status, e.output, coalesce(e.error ->> 'message', e.error::text)
    into status, output, error from public.workflow_executions e where e.id = p_id::uuid;
  end if;
end
$$;

revoke execute on function
  runcast.step_event(runcast.workflow_step_runs, text, jsonb), runcast.append_step_events(uuid, jsonb[]),
  runcast.enqueue_step(runcast.workflow_step_runs, text, timestamptz),
  runcast.open_place(runcast.workflow_runs, runcast.workflow_step_runs, text, integer, jsonb),
  runcast.continue_place(runcast.workflow_runs, uuid, text, integer), runcast.place_output(uuid, uuid, text, integer),
  runcast.close_place(runcast.workflow_runs, uuid, text, integer),
  runcast.continue_loop(runcast.workflow_runs, runcast.workflow_step_runs),
  runcast.complete_step(runcast.workflow_runs, runcast.workflow_step_runs, jsonb, text),
  runcast.retry_at(jsonb, integer, numeric),
  runcast.fail_step(runcast.workflow_runs, runcast.workflow_step_runs, jsonb, boolean, numeric),
  runcast.fail_workflow(runcast.workflow_runs, jsonb), runcast.compensate_next(runcast.workflow_runs),
  runcast.stop_steps(uuid, text), runcast.time_ordered_uuid(), runcast.log_workflow_state(uuid, text),
  runcast.record_telemetry(uuid, text),
  runcast.end_workflow(runcast.workflow_runs, text, jsonb, jsonb), runcast.append_workflow_events(uuid, jsonb[]),
  runcast.start_workflow(uuid, jsonb, boolean), runcast.begin_workflow(uuid), runcast.take_step(uuid, uuid, uuid, text),
  runcast.step_results(uuid, text, uuid[]), runcast.settle_step(uuid, uuid, integer, jsonb),
  runcast.limit_wait(runcast.workflow_step_runs, numeric),
  runcast.wake_step(uuid, uuid, boolean), runcast.cancel_step_child(uuid), runcast.execution_outcome(text, text)
from public, anon, authenticated;
grant execute on function
  runcast.begin_workflow(uuid), runcast.take_step(uuid, uuid, uuid, text), runcast.step_results(uuid, text, uuid[]),
  runcast.settle_step(uuid, uuid, integer, jsonb), runcast.wake_step(uuid, uuid, boolean)
to service_role;
grant execute on function
  runcast.start_workflow(uuid, jsonb, boolean)
to authenticated, service_role;
