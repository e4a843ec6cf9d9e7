drop function runcast.error_logs_matching(text);
drop index public.idx_performance_metrics_metric_timestamp;
drop index public.idx_error_logs_words;
