-- The triggers that keep the sums of usage. A usage_metrics that was dropped and made again has to get them again.
select runcast.attach_usage_rollup();
