-- Agents that run: what each was when it was started, the steps it has taken, what people decided, what it remembers, and
-- what models cost. The steps are a journal: a worker that takes a run over begins its loop again and finds in it what is
-- done already, so that no tool whose result is there is called a second time.

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

create table runcast.agent_memories (
  agent_id uuid not null references public.agents (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null check (kind in ('episodic', 'long_term')),
  key text not null,
  content text not null,
  updated_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  primary key (agent_id, user_id, kind, key)
);
alter table runcast.agent_memories enable row level security;
create policy agent_memories_select_own on runcast.agent_memories
  for select to authenticated
  using (user_id = (select auth.uid()));
grant select on runcast.agent_memories to authenticated;
grant select, insert, update, delete on runcast.agent_memories to service_role;
create index idx_agent_memories_user_id on runcast.agent_memories (user_id);
create index idx_agent_memories_expires_at on runcast.agent_memories (expires_at) where expires_at is not null;
comment on table runcast.agent_memories is
  'What agents remember of a user beyond a run: episodic has what former runs were about, long_term facts by key';

create table runcast.model_prices (
  provider text not null,
  model text not null check (model ~ '^[^*]+\*?$'),
  version integer not null,
  valid_from timestamptz not null,
  input numeric not null check (input >= 0),
  cached_input numeric not null check (cached_input >= 0),
  output numeric not null check (output >= 0),
  reasoning numeric not null check (reasoning >= 0),
  primary key (provider, model, version)
);
alter table runcast.model_prices enable row level security;
create policy model_prices_select_all on runcast.model_prices for select to authenticated using (true);
grant select on runcast.model_prices to authenticated;
grant select, insert, update, delete on runcast.model_prices to service_role;
comment on table runcast.model_prices is
  'What models cost: US dollars for a million tokens of each kind. A price is never changed: a new version has its own valid_from.';
comment on column runcast.model_prices.model is 'The model''s name, or the beginning of names with a * behind; the longest that fits counts';

-- As the vendors' public price lists had them when this file was written; where reasoning has no price of its own it costs
-- what output does.
insert into runcast.model_prices (provider, model, version, valid_from, input, cached_input, output, reasoning)
select provider, model, 1, timestamptz '2025-01-01 00:00:00+00', input, cached_input, output, output
from (values
  ('openai', 'gpt-4o', 2.5, 1.25, 10), ('openai', 'gpt-4o-20*', 2.5, 1.25, 10),
  ('openai', 'gpt-4o-mini', 0.15, 0.075, 0.6), ('openai', 'gpt-4o-mini-20*', 0.15, 0.075, 0.6),
  ('openai', 'gpt-4.1', 2, 0.5, 8), ('openai', 'gpt-4.1-20*', 2, 0.5, 8),
  ('openai', 'gpt-4.1-mini', 0.4, 0.1, 1.6), ('openai', 'gpt-4.1-mini-20*', 0.4, 0.1, 1.6),
  ('openai', 'gpt-5', 1.25, 0.125, 10), ('openai', 'gpt-5-20*', 1.25, 0.125, 10),
  ('openai', 'gpt-5-mini', 0.25, 0.025, 2), ('openai', 'gpt-5-mini-20*', 0.25, 0.025, 2),
  ('anthropic', 'claude-opus-4-5*', 5, 0.5, 25), ('anthropic', 'claude-opus-4-1*', 15, 1.5, 75),
  ('anthropic', 'claude-sonnet-4*', 3, 0.3, 15), ('anthropic', 'claude-haiku-4-5*', 1, 0.1, 5)
) as listed (provider, model, input, cached_input, output);

create function runcast.model_price(p_provider text, p_model text, p_at timestamptz default now())
returns runcast.model_prices
language sql stable set search_path = '' as $$
  select p from runcast.model_prices p
  where p.provider = p_provider and p.valid_from <= p_at
    and case when right(p.model, 1) = '*' then starts_with(p_model, left(p.model, -1)) else p.model = p_model end
  order by right(p.model, 1) <> '*' desc, length(p.model) desc, p.valid_from desc, p.version desc
  limit 1
$$;
comment on function runcast.model_price(text, text, timestamptz) is 'The price of a model at a time; all null where there is none';

create function runcast.set_model_price(
  p_provider text, p_model text, p_input numeric, p_cached_input numeric, p_output numeric,
  p_reasoning numeric default null, p_valid_from timestamptz default now()) returns integer
language sql set search_path = '' as $$
  insert into runcast.model_prices (provider, model, version, valid_from, input, cached_input, output, reasoning)
  values (p_provider, p_model,
    1 + coalesce((select max(version) from runcast.model_prices where provider = p_provider and model = p_model), 0),
    p_valid_from, p_input, p_cached_input, p_output, coalesce(p_reasoning, p_output))
  returning version
$$;
comment on function runcast.set_model_price(text, text, numeric, numeric, numeric, numeric, timestamptz) is
  'Adds a version of a model''s price, in US dollars for a million tokens, and returns its number. Earlier runs keep their '
  'cost until runcast.rerate_agent_steps.';

create function runcast.price_tokens(
  p_price runcast.model_prices, p_input bigint, p_cached bigint, p_output bigint, p_reasoning bigint) returns numeric
language sql immutable set search_path = '' as $$
  select (p_input * (p_price).input + p_cached * (p_price).cached_input + p_output * (p_price).output
    + p_reasoning * (p_price).reasoning) / 1000000
$$;

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

-- What a run has used so far, as `metrics` says it; without a cost where a model without a price was asked.
create function runcast.agent_tallies(p_execution_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'tokenUsage', coalesce(sum(input_tokens + cached_input_tokens + output_tokens + reasoning_tokens), 0),
    'tokensInput', coalesce(sum(input_tokens + cached_input_tokens), 0),
    'tokensOutput', coalesce(sum(output_tokens + reasoning_tokens), 0),
    'cost', case when count(*) filter (
        where (input_tokens is not null or (kind = 'model' and state = 'completed')) and cost is null) = 0
      then round(coalesce(sum(cost), 0), 8) end,
    'usage', jsonb_build_object(
      'input', coalesce(sum(input_tokens), 0), 'cachedInput', coalesce(sum(cached_input_tokens), 0),
      'output', coalesce(sum(output_tokens), 0), 'reasoning', coalesce(sum(reasoning_tokens), 0)),
    'modelCalls', count(*) filter (where kind = 'model'),
    'toolCalls', count(*) filter (where kind = 'tool'),
    'prices', coalesce(jsonb_agg(distinct jsonb_build_object('provider', provider, 'model', model, 'version', price_version))
      filter (where provider is not null), '[]')))
  from runcast.agent_steps where execution_id = p_execution_id
$$;

-- Whenever a run of ours begins for the first time, or ends, however it does: its state's row in the logs, its metrics, what
-- is metered and what telemetry tells, in the transaction that changes the status.
create function runcast.account_for_agent() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_run runcast.agent_runs;
  v_begun timestamptz;
  v_tallies jsonb;
  v_error jsonb;
  v_metric text;
  v_properties jsonb := jsonb_build_object('agentId', new.agent_id, 'executionId', new.id);
  v_projection text := coalesce(current_setting('runcast.projection', true), '');
begin
  select * into v_run from runcast.agent_runs where execution_id = new.id;
  if not found then
    return null;
  end if;
  select min(started_at) into v_begun from public.agent_execution_logs where execution_id = new.id and status = 'started';
  if new.status = 'running' then
    if v_begun is null then
      -- No cost rather than 0: of a run's rows the largest counts, and what it will cost may never be known.
      insert into public.agent_execution_logs (execution_id, agent_id, user_id, tenant_id, status, started_at, token_usage,
        duration, input)
      values (new.id, new.agent_id, new.user_id, new.tenant_id, 'started', clock_timestamp(), 0, 0, new.input);
      insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity, metadata)
      values (new.user_id, new.tenant_id, 'agent_calls', 1, v_properties);
      insert into public.telemetry_events (type, user_id, tenant_id, properties)
      values ('agent_invoked', new.user_id, new.tenant_id, v_properties);
    end if;
    return null;
  elsif not runcast.is_terminal(new.status) then
    return null;
  end if;

  v_tallies := runcast.agent_tallies(new.id) || jsonb_build_object('duration',
    round(coalesce(extract(epoch from clock_timestamp() - v_begun) * 1000, 0)));
  v_error := case when new.status = 'failed' then coalesce(v_run.error, new.error) end;
  -- With the feed's key, so that the row's own triggers let it through: the stream is closed by now.
  perform set_config('runcast.projection', key, true) from runcast.projection_key;
  update public.agent_executions set metrics = v_tallies, error = coalesce(v_error, error) where id = new.id;
  perform set_config('runcast.projection', v_projection, true);
  insert into public.agent_execution_logs (execution_id, agent_id, user_id, tenant_id, status, started_at, completed_at,
    duration, token_usage, cost, input, output, error)
  -- Lists go by started_at: one microsecond puts the end behind the beginning.
  values (new.id, new.agent_id, new.user_id, new.tenant_id, new.status,
    coalesce(v_begun + interval '1 microsecond', clock_timestamp()), clock_timestamp(),
    least((v_tallies ->> 'duration')::numeric, 2147483647)::integer,
    least((v_tallies ->> 'tokenUsage')::numeric, 2147483647)::integer, (v_tallies ->> 'cost')::numeric,
    new.input, new.output, v_error);
  foreach v_metric in array array['tokensInput', 'tokensOutput'] loop
    continue when (v_tallies ->> v_metric)::numeric = 0;
    insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity, metadata)
    values (new.user_id, new.tenant_id, case v_metric when 'tokensInput' then 'tokens_input' else 'tokens_output' end,
      least((v_tallies ->> v_metric)::numeric, 2147483647)::integer, v_properties);
  end loop;
  if new.status <> 'cancelled' then
    insert into public.telemetry_events (type, user_id, tenant_id, properties)
    values (case new.status when 'completed' then 'agent_completed' else 'agent_failed' end, new.user_id, new.tenant_id,
      v_properties || v_tallies);
  end if;
  return null;
end
$$;
create trigger runcast_account_for_agent after update of status on public.agent_executions
  for each row when (old.status is distinct from new.status) execute function runcast.account_for_agent();

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

-- Computes the costs of steps that models were asked in anew, from what was used and the prices that held at the time, and
-- with them what the runs' metrics and logs say. Usage that was metered is tokens, and stays.
create function runcast.rerate_agent_steps(p_since timestamptz default '-infinity', p_execution_id uuid default null)
returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_steps integer := 0;
  v_runs uuid[];
begin
  with rated as (
    select s.execution_id, s.key, (p.price).version,
      runcast.price_tokens(p.price, s.input_tokens, s.cached_input_tokens, s.output_tokens, s.reasoning_tokens) as cost
    from runcast.agent_steps s
    cross join lateral (
      select runcast.model_price(s.provider, s.model, coalesce(s.completed_at, s.started_at)) as price) p
    where s.input_tokens is not null and s.started_at >= p_since
      and (p_execution_id is null or s.execution_id = p_execution_id)),
  changed as (
    update runcast.agent_steps s set price_version = rated.version, cost = rated.cost
    from rated
    where s.execution_id = rated.execution_id and s.key = rated.key
      and (s.price_version, s.cost) is distinct from (rated.version, rated.cost)
    returning s.execution_id)
  select count(*), array_agg(distinct execution_id) into v_steps, v_runs from changed;
  update public.agent_executions e set
    metrics = (e.metrics - 'cost') || (runcast.agent_tallies(e.id) - 'duration')
  where e.id = any (v_runs) and e.metrics is not null;
  update public.agent_execution_logs l set cost = (runcast.agent_tallies(l.execution_id) ->> 'cost')::numeric
  where l.execution_id = any (v_runs) and l.status in ('completed', 'failed', 'cancelled');
  return v_steps;
end
$$;
comment on function runcast.rerate_agent_steps(timestamptz, uuid) is
  'Computes costs anew, of all runs or one, from the tokens that were used; returns how many steps cost something else now';

create function runcast.sweep_agent_memories() returns integer
language sql set search_path = '' as $$
  with swept as (delete from runcast.agent_memories where expires_at <= now() returning 1)
  select count(*)::integer from swept
$$;

revoke execute on function
  runcast.model_price(text, text, timestamptz),
  runcast.set_model_price(text, text, numeric, numeric, numeric, numeric, timestamptz),
  runcast.price_tokens(runcast.model_prices, bigint, bigint, bigint, bigint),
  runcast.begin_agent_run(uuid, boolean, integer), runcast.lock_agent_run(uuid, integer),
  runcast.begin_agent_step(uuid, integer, text, text, text, jsonb, integer, integer),
  runcast.finish_agent_step(uuid, integer, text, text, jsonb, jsonb, jsonb, bigint, boolean),
  runcast.agent_tallies(uuid), runcast.account_for_agent(), runcast.resume_agent_run(uuid),
  runcast.suspend_agent_run(uuid, integer, text, bigint), runcast.agent_waits(uuid),
  runcast.retry_agent_run(uuid, integer, text, bigint, bigint),
  runcast.request_agent_approval(uuid, integer, text, text, text, jsonb),
  runcast.decide_agent_approval(uuid, uuid, text, text), runcast.wake_parent_agent(), runcast.wake_agent_run(uuid),
  runcast.rerate_agent_steps(timestamptz, uuid), runcast.sweep_agent_memories()
from public, anon, authenticated;
grant execute on function
  runcast.model_price(text, text, timestamptz), runcast.begin_agent_run(uuid, boolean, integer),
  runcast.decide_agent_approval(uuid, uuid, text, text)
to authenticated, service_role;
grant execute on function
  runcast.set_model_price(text, text, numeric, numeric, numeric, numeric, timestamptz),
  runcast.begin_agent_step(uuid, integer, text, text, text, jsonb, integer, integer),
  runcast.finish_agent_step(uuid, integer, text, text, jsonb, jsonb, jsonb, bigint, boolean), runcast.agent_tallies(uuid),
  runcast.suspend_agent_run(uuid, integer, text, bigint), runcast.retry_agent_run(uuid, integer, text, bigint, bigint),
  runcast.request_agent_approval(uuid, integer, text, text, text, jsonb), runcast.wake_agent_run(uuid),
  runcast.rerate_agent_steps(timestamptz, uuid), runcast.sweep_agent_memories()
to service_role;
