-- Decisions that people are asked for by human steps of workflows.

create table runcast.approvals (
  id uuid primary key default gen_random_uuid(),
  execution_id uuid not null references public.workflow_executions (id) on delete cascade,
  step_run_id uuid not null unique references runcast.workflow_step_runs (id) on delete cascade,
  step_id uuid not null,
  prompt text not null,
  is_required boolean not null,
  assigned_to uuid references auth.users (id) on delete set null,
  expires_at timestamptz,
  decision text check (decision in ('approved', 'rejected', 'expired', 'withdrawn')),
  comment text,
  decided_by uuid references auth.users (id) on delete set null,
  decided_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
alter table runcast.approvals enable row level security;
create policy approvals_select_concerned on runcast.approvals
  for select to authenticated
  using (
    assigned_to = (select auth.uid())
    or exists (
      select from runcast.execution_streams s
      where s.kind = 'workflow' and s.execution_id = approvals.execution_id::text));
grant select on runcast.approvals to authenticated, service_role;
create index idx_approvals_execution_id on runcast.approvals (execution_id);
create index idx_approvals_assigned_to on runcast.approvals (assigned_to, created_at desc);
create index idx_approvals_decided_by on runcast.approvals (decided_by);
comment on table runcast.approvals is 'Decisions that people are asked for, by human steps. Written by the functions of the engine alone.';
comment on column runcast.approvals.decision is
  'Null while it is open; withdrawn where its execution ended without it';
comment on column runcast.approvals.is_required is 'Whether a refusal fails the step';

create function runcast.ask_approval(p_run runcast.workflow_step_runs, p_result jsonb) returns jsonb[]
language plpgsql set search_path = '' as $$
begin
  update runcast.workflow_step_runs set state = 'awaiting' where id = p_run.id;
  insert into runcast.approvals (execution_id, step_run_id, step_id, prompt, is_required, assigned_to, expires_at)
  values (p_run.execution_id, p_run.id, p_run.step_id, p_result ->> 'prompt', (p_result ->> 'required')::boolean,
    (p_result ->> 'assignTo')::uuid, runcast.limit_wait(p_run, (p_result ->> 'timeoutMs')::numeric));
  return array[
    runcast.step_event(p_run, 'awaiting'),
    jsonb_build_object('type', 'approval', 'payload',
      jsonb_build_object('stepId', p_run.step_id, 'prompt', p_result ->> 'prompt'))];
end
$$;

-- The answer to an open question, once. Who may give it: whoever it is assigned to, or else whoever may see the execution.
create function runcast.decide_approval(
  p_execution uuid, p_step uuid, p_decision text, p_comment text default null, p_by uuid default auth.uid()) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_approval runcast.approvals;
  v_run runcast.workflow_step_runs;
  v_workflow runcast.workflow_runs;
  v_events jsonb[];
begin
  if p_decision is null or p_decision not in ('approved', 'rejected') then
    raise exception 'a decision is approved or rejected' using errcode = 'RC004';
  end if;
  -- A service may say who decided, as a link's owner did; nobody else speaks for others.
  if auth.role() is distinct from 'service_role' then
    p_by := auth.uid();
  end if;
  perform runcast.assert_may_decide(p_execution, p_step);
  perform runcast.lock_execution('workflow', p_execution::text);
  -- The oldest, where a step asks in several iterations of a loop; p_step may name the question itself.
  select * into v_approval from runcast.approvals
  where execution_id = p_execution and (step_id = p_step or id = p_step) and decision is null
    and (assigned_to is null or auth.role() = 'service_role' or assigned_to = auth.uid())
  order by created_at, id limit 1 for update;
  if not found then
    raise exception 'there is no open question' using errcode = 'RC007';
  end if;
  update runcast.approvals set decision = p_decision, comment = p_comment, decided_by = p_by, decided_at = clock_timestamp()
  where id = v_approval.id;
  select * into strict v_run from runcast.workflow_step_runs where id = v_approval.step_run_id;
  select * into strict v_workflow from runcast.workflow_runs where execution_id = p_execution;
  v_events := array[jsonb_build_object('type', 'approval', 'payload', jsonb_build_object(
    'stepId', v_approval.step_id, 'prompt', v_approval.prompt, 'decision', p_decision)
    || case when p_by is null then '{}' else jsonb_build_object('by', p_by) end)];
  if p_decision = 'rejected' and v_approval.is_required then
    v_events := v_events || runcast.fail_step(v_workflow, v_run, jsonb_build_object(
      'code', 'REJECTED', 'message', coalesce('The approval was refused: ' || p_comment, 'The approval was refused.')), true);
  else
    v_events := v_events || runcast.complete_step(v_workflow, v_run, jsonb_build_object(
      'decision', p_decision, 'comment', p_comment, 'decidedBy', p_by, 'decidedAt', clock_timestamp()));
  end if;
  perform runcast.append_workflow_events(p_execution, v_events);
  return v_approval.id;
end
$$;
comment on function runcast.decide_approval(uuid, uuid, text, text, uuid) is
  'Answers the open question of a step, by the step''s id or the question''s. RC001 there is no such execution or question '
  'for the caller, RC007 it is not open any more.';

create function runcast.assert_may_decide(p_execution uuid, p_step uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if auth.role() is distinct from 'service_role' and not exists (
    select from runcast.approvals a
    join runcast.execution_streams s on s.kind = 'workflow' and s.execution_id = a.execution_id::text
    where a.execution_id = p_execution and (a.step_id = p_step or a.id = p_step)
      and (a.assigned_to = auth.uid() or (a.assigned_to is null and s.user_id = auth.uid()
        and (s.tenant_id is null or s.tenant_id = any (runcast.tenants_of_caller())))))
  then
    raise exception 'there is no workflow execution %', p_execution using errcode = 'RC001';
  end if;
end
$$;

revoke execute on function
  runcast.ask_approval(runcast.workflow_step_runs, jsonb), runcast.decide_approval(uuid, uuid, text, text, uuid),
  runcast.assert_may_decide(uuid, uuid)
from public, anon, authenticated;
grant execute on function runcast.decide_approval(uuid, uuid, text, text, uuid) to authenticated, service_role;
