-- What runs of agents have used and cost.

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

revoke execute on function
  runcast.agent_tallies(uuid), runcast.account_for_agent(), runcast.rerate_agent_steps(timestamptz, uuid)
from public, anon, authenticated;
grant execute on function
  runcast.agent_tallies(uuid), runcast.rerate_agent_steps(timestamptz, uuid)
to service_role;
