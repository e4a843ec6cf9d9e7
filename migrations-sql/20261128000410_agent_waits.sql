-- What a run of an agent waits for, without a worker: a person's consent, the end of a run that it has started, another try.

create table runcast.agent_approvals (
  id uuid primary key default gen_random_uuid(),
  execution_id uuid not null references public.agent_executions (id) on delete cascade,
  step_key text not null,
  tool text not null,
  prompt text not null,
  arguments jsonb not null,
  requested_at timestamptz not null default clock_timestamp(),
  decision text check (decision in ('approved', 'rejected')),
  comment text,
  decided_by uuid,
  decided_at timestamptz,
  unique (execution_id, step_key)
);
alter table runcast.agent_approvals enable row level security;
create policy agent_approvals_select_own on runcast.agent_approvals
  for select to authenticated
  using (exists (
    select from public.agent_executions e where e.id = execution_id and e.user_id = (select auth.uid())));
grant select on runcast.agent_approvals to authenticated;
grant select, insert, update, delete on runcast.agent_approvals to service_role;
comment on table runcast.agent_approvals is 'Calls of tools that wait for a person''s consent, and what was decided';
comment on column runcast.agent_approvals.step_key is 'The step that waits, as in runcast.agent_steps';
comment on column runcast.agent_approvals.decided_by is 'Who decided; null for a service. Kept when the account is deleted, so it has no foreign key.';

-- Puts a run that has waited back into its lane's queue, once, whoever finds that there is nothing more to wait for; one that
-- another run has started waits in none.
create function runcast.resume_agent_run(p_execution_id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  v_stream runcast.execution_streams;
  v_priority smallint;
  v_lane uuid;
begin
  update runcast.agent_runs set waits = false where execution_id = p_execution_id and waits
  returning priority into v_priority;
  if not found then
    return;
  end if;
  select * into v_stream from runcast.execution_streams where kind = 'agent' and execution_id = p_execution_id::text;
  if v_stream.parent_id is not null then
    perform runcast.enqueue_job('agent.run', jsonb_build_object('executionId', p_execution_id));
    return;
  end if;
  v_lane := coalesce(v_stream.tenant_id, v_stream.user_id);
  insert into runcast.run_queue (kind, execution_id, lane, priority)
  values ('agent', p_execution_id::text, v_lane, v_priority);
  perform runcast.admit_runs(v_lane);
end
$$;

-- Hands a run back that waits for people or for runs that it has started. It gives its place in the lane away, and is
-- resumed at once where what it waits for has come meanwhile.
create function runcast.suspend_agent_run(p_execution_id uuid, p_attempt integer, p_reason text, p_spent_ms bigint)
returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform runcast.lock_agent_run(p_execution_id, p_attempt);
  update runcast.agent_runs set spent_ms = greatest(spent_ms, p_spent_ms), waits = true
  where execution_id = p_execution_id;
  perform runcast.release_execution('agent', p_execution_id::text, p_attempt, p_reason);
  delete from runcast.run_queue where kind = 'agent' and execution_id = p_execution_id::text;
  if not runcast.agent_waits(p_execution_id) then
    perform runcast.resume_agent_run(p_execution_id);
  end if;
end
$$;

create function runcast.agent_waits(p_execution_id uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (
      select from runcast.agent_approvals where execution_id = p_execution_id and decision is null)
    or exists (
      select from runcast.execution_streams
      where parent_kind = 'agent' and parent_id = p_execution_id::text and state = 'open')
$$;

-- Hands a run back whose try has failed, to be tried again later.
create function runcast.retry_agent_run(
  p_execution_id uuid, p_attempt integer, p_reason text, p_delay_ms bigint, p_spent_ms bigint) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform runcast.lock_agent_run(p_execution_id, p_attempt);
  update runcast.agent_runs set tries = tries + 1, spent_ms = greatest(spent_ms, p_spent_ms)
  where execution_id = p_execution_id;
  perform runcast.release_execution('agent', p_execution_id::text, p_attempt, p_reason);
  perform runcast.enqueue_job('agent.run', jsonb_build_object('executionId', p_execution_id),
    clock_timestamp() + p_delay_ms * interval '1 millisecond');
end
$$;

-- Asks for a person's consent, once for each step; returns what was decided, null where nothing is.
create function runcast.request_agent_approval(
  p_execution_id uuid, p_attempt integer, p_step_key text, p_tool text, p_prompt text, p_arguments jsonb)
returns runcast.agent_approvals
language plpgsql security definer set search_path = '' as $$
declare
  v_approval runcast.agent_approvals;
begin
  perform runcast.lock_agent_run(p_execution_id, p_attempt);
  insert into runcast.agent_approvals (execution_id, step_key, tool, prompt, arguments)
  values (p_execution_id, p_step_key, p_tool, p_prompt, p_arguments)
  on conflict (execution_id, step_key) do nothing
  returning * into v_approval;
  if found then
    perform runcast.append_execution_events('agent', p_execution_id::text, array[jsonb_build_object('type', 'approval',
      'payload', jsonb_build_object('stepId', p_step_key, 'prompt', p_prompt))], p_attempt);
    return v_approval;
  end if;
  select * into v_approval from runcast.agent_approvals where execution_id = p_execution_id and step_key = p_step_key;
  return v_approval;
end
$$;

create function runcast.decide_agent_approval(
  p_execution_id uuid, p_approval_id uuid, p_decision text, p_comment text default null) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_approval runcast.agent_approvals;
begin
  perform runcast.assert_callers_own('agent', p_execution_id::text);
  perform runcast.lock_execution('agent', p_execution_id::text);
  perform runcast.writable_stream('agent', p_execution_id::text);
  select * into v_approval from runcast.agent_approvals where id = p_approval_id and execution_id = p_execution_id;
  if not found then
    return 'missing';
  elsif v_approval.decision is not null then
    return v_approval.decision;
  end if;
  update runcast.agent_approvals set
    decision = p_decision, comment = p_comment, decided_by = auth.uid(), decided_at = clock_timestamp()
  where id = p_approval_id;
  perform runcast.append_execution_events('agent', p_execution_id::text, array[jsonb_build_object('type', 'approval',
    'payload', jsonb_strip_nulls(jsonb_build_object('stepId', v_approval.step_key, 'prompt', v_approval.prompt,
      'decision', p_decision, 'by', auth.uid())))]);
  -- While a worker still has it, the worker sees the decision when it hands the run back.
  if (select status from public.agent_executions where id = p_execution_id) = 'pending'
    and not runcast.agent_waits(p_execution_id)
  then
    perform runcast.resume_agent_run(p_execution_id);
  end if;
  return 'decided';
end
$$;
comment on function runcast.decide_agent_approval(uuid, uuid, text, text) is
  'Decides for the owner of a run what it may do: approved or rejected. Returns decided, missing, or the earlier decision.';

-- The end of a run that an agent has started wakes the agent's, by a job: the ended run is locked here, and whoever starts or
-- cancels one locks its parent first.
create function runcast.wake_parent_agent() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform runcast.enqueue_job('agent.wake', jsonb_build_object('executionId', new.parent_id));
  return null;
end
$$;
create trigger runcast_wake_parent_agent after update of state on runcast.execution_streams
  for each row when (old.state = 'open' and new.state = 'closed' and new.parent_kind = 'agent')
  execute function runcast.wake_parent_agent();

create function runcast.wake_agent_run(p_execution_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if runcast.lock_execution('agent', p_execution_id::text) = 'pending' and not runcast.agent_waits(p_execution_id) then
    perform runcast.writable_stream('agent', p_execution_id::text);
    perform runcast.resume_agent_run(p_execution_id);
  end if;
end
$$;

revoke execute on function
  runcast.resume_agent_run(uuid), runcast.suspend_agent_run(uuid, integer, text, bigint), runcast.agent_waits(uuid),
  runcast.retry_agent_run(uuid, integer, text, bigint, bigint),
  runcast.request_agent_approval(uuid, integer, text, text, text, jsonb),
  runcast.decide_agent_approval(uuid, uuid, text, text), runcast.wake_parent_agent(), runcast.wake_agent_run(uuid)
from public, anon, authenticated;
grant execute on function runcast.decide_agent_approval(uuid, uuid, text, text) to authenticated, service_role;
grant execute on function
  runcast.suspend_agent_run(uuid, integer, text, bigint), runcast.retry_agent_run(uuid, integer, text, bigint, bigint),
  runcast.request_agent_approval(uuid, integer, text, text, text, jsonb), runcast.wake_agent_run(uuid)
to service_role;
