drop table if exists public.subscriptions, public.usage_metrics, public.billing_events;
