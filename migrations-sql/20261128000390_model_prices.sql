-- What models cost, by the day from which it holds.

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

revoke execute on function
  runcast.model_price(text, text, timestamptz),
  runcast.set_model_price(text, text, numeric, numeric, numeric, numeric, timestamptz),
  runcast.price_tokens(runcast.model_prices, bigint, bigint, bigint, bigint)
from public, anon, authenticated;
grant execute on function runcast.model_price(text, text, timestamptz) to authenticated, service_role;
grant execute on function runcast.set_model_price(text, text, numeric, numeric, numeric, numeric, timestamptz) to service_role;
