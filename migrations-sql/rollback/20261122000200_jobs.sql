-- The queues and their jobs stay: pg-boss's schema belongs to no file.
drop function if exists runcast.enqueue_job(text, jsonb, timestamptz, text);
