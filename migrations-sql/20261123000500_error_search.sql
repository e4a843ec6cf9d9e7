-- Full-text search over error logs, and the index that performance reports read by.

-- The words of an error: those of its message, name and code. The configuration is `simple`: an error is code as much
-- as language, so nothing is stemmed ("failed" and "failing" are two words) and no word is left out ("not", "no").
-- Punctuation becomes space first, or the parser would take model.train for a host's name, /tmp/x for a path and -1
-- for a number, and find neither part. No more than 50,000 characters of each are looked at: beyond 1 MB of words the
-- index would refuse the row, whoever writes it.
create index idx_error_logs_words on public.error_logs using gin (
  to_tsvector('simple', translate(
    coalesce(left(error ->> 'message', 50000), '') || ' ' || coalesce(left(error ->> 'name', 50000), '') || ' '
      || coalesce(left(error ->> 'code', 50000), ''),
    '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                ')));

-- The figures of one metric in a period.
create index idx_performance_metrics_metric_timestamp on public.performance_metrics (metric, "timestamp", id);

-- Under row-level security a condition that is not leakproof, as no text search is, may not choose the index: a user
-- with 100,000 errors would have all of them cut into words for every search. This function names the rows that match
-- among those that the policies show the caller; the policies still decide about the rows that it names.
create function runcast.error_logs_matching(p_query text) returns setof uuid
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  -- Read like a search engine's: "a phrase", or, -not. It has no syntax errors.
  v_query constant pg_catalog.tsquery := pg_catalog.websearch_to_tsquery('simple', p_query);
  v_user constant uuid := auth.uid();
  v_is_service constant boolean := auth.role() = 'service_role';
begin
  -- Planned for each call: with the values known, what is left of the last condition can choose an index as well.
  return query
    select e.id from public.error_logs e
    where to_tsvector('simple', translate(
      coalesce(left(e.error ->> 'message', 50000), '') || ' ' || coalesce(left(e.error ->> 'name', 50000), '') || ' '
        || coalesce(left(e.error ->> 'code', 50000), ''),
      '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                ')) @@ v_query
      and (v_is_service or e.user_id = v_user);
end
$$;
comment on function runcast.error_logs_matching(text) is
  'Ids of the error logs of the caller''s, or of all for the service role, whose words match a web search';

revoke execute on function runcast.error_logs_matching(text) from public, anon, authenticated;
grant execute on function runcast.error_logs_matching(text) to authenticated, service_role;
