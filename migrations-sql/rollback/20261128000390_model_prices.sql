-- Nothing is priced any more; what was priced keeps its cost.
drop function runcast.price_tokens(runcast.model_prices, bigint, bigint, bigint, bigint),
  runcast.set_model_price(text, text, numeric, numeric, numeric, numeric, timestamptz),
  runcast.model_price(text, text, timestamptz);
drop table runcast.model_prices;
