-- Agents that run: what each was when it was started, and the steps it has taken. The steps are a journal: a worker that
-- takes a run over begins its loop again and finds in it what is done already, so that no tool whose result is there is
-- called a second time.

create table runcast.agent_runs (
  execution_id uuid primary key references public.agent_executions (id) on delete cascade,
  definition jsonb not null,
  stream boolean not null default false,
  priority smallint not null default 1,
  tries integer not null default 1,
  spent_ms bigint not null default 0,
  waits boolean not null default false,
  error jsonb
);
alter table runcast.agent_runs enable row level security;
create policy agent_runs_select_own on runcast.agent_runs
  for select to authenticated
  using (exists (
    select from public.agent_executions e where e.id = execution_id and e.user_id = (select auth.uid())));
grant select on runcast.agent_runs to authenticated;
grant select, insert, update, delete on runcast.agent_runs to service_role;
comment on table runcast.agent_runs is 'What a run of an agent that we run needs beyond its row. Written by runcast.begin_agent_run and workers.';
comment on column runcast.agent_runs.definition is 'The agent''s row when the run was started: later changes do not reach it';
comment on column runcast.agent_runs.stream is 'Whether tokens become output events as they come';
comment on column runcast.agent_runs.priority is '0 low to 3 urgent: its place in the queue whenever it comes back from waiting';
comment on column runcast.agent_runs.tries is 'Which try by execution_config.retry it is at, from 1';
comment on column runcast.agent_runs.spent_ms is 'Milliseconds that workers have run it; waiting for people does not count';
comment on column runcast.agent_runs.waits is
  'Whether it was handed back to wait for people or other runs, and nobody has resumed it since: it is resumed once';
comment on column runcast.agent_runs.error is 'Why it failed, as the row''s error shall say it: {message, name, code}';

create table runcast.agent_steps (
  execution_id uuid not null references public.agent_executions (id) on delete cascade,
  agent_id uuid not null references public.agents (id) on delete cascade,
  key text not null,
  index integer not null,
  kind text not null check (kind in ('model', 'tool', 'child')),
  name text not null,
  state text not null default 'running' check (state in ('running', 'completed', 'failed')),
  is_final boolean not null default false,
  tries integer not null default 1,
  idempotency_key text not null,
  input jsonb,
  output jsonb,
  error jsonb,
  provider text,
  model text,
  input_tokens bigint,
  cached_input_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  price_version integer,
  cost numeric,
  started_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz,
  primary key (execution_id, key)
);
alter table runcast.agent_steps enable row level security;
create policy agent_steps_select_own on runcast.agent_steps
  for select to authenticated
  using (exists (
    select from public.agent_executions e where e.id = execution_id and e.user_id = (select auth.uid())));
grant select on runcast.agent_steps to authenticated;
grant select, insert, update, delete on runcast.agent_steps to service_role;
create index idx_agent_steps_agent_id on runcast.agent_steps (agent_id, started_at);
comment on table runcast.agent_steps is 'The journal of agents'' runs: each call of a model or a tool, once, whoever of the workers made it';
comment on column runcast.agent_steps.key is 'Where in the run it stands, e.g. model/2/tool/0: the same in every attempt';
comment on column runcast.agent_steps.index is 'Counts the steps of a run in the order in which they began, from 0';
comment on column runcast.agent_steps.is_final is 'Whether a failure stands: a model was told of it, and the call is not made again';
comment on column runcast.agent_steps.tries is 'How often it was begun: more than once where a worker was lost in it, or it had failed';
comment on column runcast.agent_steps.input_tokens is 'Neither cached nor counted elsewhere: the four numbers of tokens add up to all';
comment on column runcast.agent_steps.cost is 'US dollars, exactly; null where there is no price for the model, never 0';
comment on column runcast.agent_steps.price_version is 'The version in runcast.model_prices that cost was computed from';

-- Takes the definition down as it is now. Who may run which agent for whom is looked at here once more, since users may
-- call this by themselves.
create function runcast.begin_agent_run(
  p_execution_id uuid, p_stream boolean default false, p_priority integer default 1) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_execution public.agent_executions;
  v_agent public.agents;
begin
  perform runcast.assert_callers_own('agent', p_execution_id::text);
  select * into v_execution from public.agent_executions where id = p_execution_id;
  select * into v_agent from public.agents where id = v_execution.agent_id;
  if v_agent.id is null or not v_agent.enabled or (v_agent.tenant_id is not null and not exists (
    select from public.user_tenants
    where tenant_id = v_agent.tenant_id and user_id = v_execution.user_id and status = 'active'
      and role in ('admin', 'member')))
  then
    raise exception 'the agent % cannot be run by %', v_execution.agent_id, v_execution.user_id using errcode = '42501';
  end if;
  insert into runcast.agent_runs (execution_id, definition, stream, priority)
  values (p_execution_id, to_jsonb(v_agent), p_stream, least(3, greatest(0, p_priority)));
end
$$;

-- Locks the execution for its worker.
create function runcast.lock_agent_run(p_execution_id uuid, p_attempt integer) returns void
language plpgsql set search_path = '' as $$
begin
  perform runcast.lock_execution('agent', p_execution_id::text);
  perform runcast.writable_stream('agent', p_execution_id::text, p_attempt);
end
$$;

-- Begins a step, or tells what came of it: the row where it has ended for good, {"state": "begun", "tries",
-- "idempotencyKey"} where it is to be done, or {"state": "wait", "ms"} where the agent has made as many calls as it may in its window.
create function runcast.begin_agent_step(
  p_execution_id uuid, p_attempt integer, p_key text, p_kind text, p_name text, p_input jsonb,
  p_requests integer default null, p_window_ms integer default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_step runcast.agent_steps;
  v_agent uuid;
  v_made bigint;
  v_first timestamptz;
begin
  perform runcast.lock_agent_run(p_execution_id, p_attempt);
  select * into v_step from runcast.agent_steps where execution_id = p_execution_id and key = p_key;
  if v_step.state = 'completed' or (v_step.state = 'failed' and v_step.is_final) then
    return to_jsonb(v_step);
  end if;
  select agent_id into v_agent from public.agent_executions where id = p_execution_id;
  if p_requests is not null then
    -- One at a time for each agent: two that count at once would both find the last call of the window.
    perform pg_advisory_xact_lock(hashtextextended(v_agent::text, 4712));
    select count(*), min(started_at) into v_made, v_first from (
      select started_at from runcast.agent_steps
      where agent_id = v_agent and started_at > clock_timestamp() - p_window_ms * interval '1 millisecond'
        and kind in ('model', 'tool')
      order by started_at desc limit p_requests) made;
    if v_made >= p_requests then
      return jsonb_build_object('state', 'wait', 'ms',
        ceil(greatest(1, p_window_ms - extract(epoch from clock_timestamp() - v_first) * 1000)));
    end if;
  end if;
  insert into runcast.agent_steps (execution_id, agent_id, key, index, kind, name, idempotency_key, input)
  values (p_execution_id, v_agent, p_key,
    (select count(*) from runcast.agent_steps where execution_id = p_execution_id), p_kind, p_name,
    p_execution_id || ':' || p_key, p_input)
  on conflict (execution_id, key) do update set
    state = 'running', tries = agent_steps.tries + 1, started_at = clock_timestamp(), completed_at = null,
    input = excluded.input, error = null
  returning * into v_step;
  return jsonb_build_object('state', 'begun', 'tries', v_step.tries, 'idempotencyKey', v_step.idempotency_key);
end
$$;

-- Ends a step. p_usage is {provider, model, input, cachedInput, output, reasoning} where a model was asked.
create function runcast.finish_agent_step(
  p_execution_id uuid, p_attempt integer, p_key text, p_state text, p_output jsonb, p_error jsonb, p_usage jsonb,
  p_spent_ms bigint, p_is_final boolean default false) returns runcast.agent_steps
language plpgsql security definer set search_path = '' as $$
declare
  v_step runcast.agent_steps;
  v_price runcast.model_prices;
begin
  perform runcast.lock_agent_run(p_execution_id, p_attempt);
  select * into v_step from runcast.agent_steps where execution_id = p_execution_id and key = p_key;
  if v_step.state <> 'running' then
    return v_step; -- A second try, whose first was committed although its answer was lost.
  end if;
  v_price := runcast.model_price(p_usage ->> 'provider', p_usage ->> 'model');
  -- What a try that failed has used stays counted.
  update runcast.agent_steps s set
    state = p_state, is_final = p_is_final, output = p_output, error = p_error, completed_at = clock_timestamp(),
    provider = coalesce(p_usage ->> 'provider', s.provider), model = coalesce(p_usage ->> 'model', s.model),
    input_tokens = case when p_usage is null then s.input_tokens
      else coalesce(s.input_tokens, 0) + (p_usage ->> 'input')::bigint end,
    cached_input_tokens = case when p_usage is null then s.cached_input_tokens
      else coalesce(s.cached_input_tokens, 0) + (p_usage ->> 'cachedInput')::bigint end,
    output_tokens = case when p_usage is null then s.output_tokens
      else coalesce(s.output_tokens, 0) + (p_usage ->> 'output')::bigint end,
    reasoning_tokens = case when p_usage is null then s.reasoning_tokens
      else coalesce(s.reasoning_tokens, 0) + (p_usage ->> 'reasoning')::bigint end
  where s.execution_id = p_execution_id and s.key = p_key
  returning * into v_step;
  if p_usage is not null then
    update runcast.agent_steps s set
      price_version = v_price.version,
      cost = runcast.price_tokens(v_price, s.input_tokens, s.cached_input_tokens, s.output_tokens, s.reasoning_tokens)
    where s.execution_id = p_execution_id and s.key = p_key
    returning * into v_step;
  end if;
  update runcast.agent_runs set spent_ms = greatest(spent_ms, p_spent_ms) where execution_id = p_execution_id;
  return v_step;
end
$$;

revoke execute on function
  runcast.begin_agent_run(uuid, boolean, integer), runcast.lock_agent_run(uuid, integer),
  runcast.begin_agent_step(uuid, integer, text, text, text, jsonb, integer, integer),
  runcast.finish_agent_step(uuid, integer, text, text, jsonb, jsonb, jsonb, bigint, boolean)
from public, anon, authenticated;
grant execute on function runcast.begin_agent_run(uuid, boolean, integer) to authenticated, service_role;
grant execute on function
  runcast.begin_agent_step(uuid, integer, text, text, text, jsonb, integer, integer),
  runcast.finish_agent_step(uuid, integer, text, text, jsonb, jsonb, jsonb, bigint, boolean)
to service_role;
