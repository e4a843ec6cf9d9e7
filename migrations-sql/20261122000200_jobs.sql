-- Enqueues a job inside the caller's transaction. That transaction runs as `authenticated`, which has no right on
-- pg-boss's tables and shall not get any; the functions that call this one are SECURITY DEFINER and decide who may.
-- pg-boss's schema is installed after the files, so nothing here names it before a call: PL/pgSQL binds late.
create function runcast.enqueue_job(
  queue text, data jsonb, start_after timestamptz default now(), singleton_key text default null) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  v_id uuid;
  v_notify boolean;
begin
  -- The columns that pg-boss fills when it sends a job, with the queue's options; a test compares the two.
  insert into pgboss.job (
    name, data, start_after, keep_until, singleton_key, policy, expire_seconds, deletion_seconds, retry_limit,
    retry_delay, retry_backoff, retry_delay_max, dead_letter, heartbeat_seconds)
  select
    q.name, enqueue_job.data, enqueue_job.start_after,
    enqueue_job.start_after + q.retention_seconds * interval '1 second', enqueue_job.singleton_key, q.policy,
    q.expire_seconds, q.deletion_seconds, q.retry_limit, q.retry_delay, q.retry_backoff, q.retry_delay_max,
    q.dead_letter, q.heartbeat_seconds
  from pgboss.queue q
  where q.name = enqueue_job.queue
  on conflict do nothing
  returning id into v_id;

  select q.notify into v_notify from pgboss.queue q where q.name = enqueue_job.queue;
  if not found then
    raise exception 'there is no queue %', queue
      using errcode = 'undefined_object', hint = 'Run npm run migrate:apply of this version: it makes the queues.';
  end if;
  -- pg-boss's own channel: this name for its default schema. A missed wake-up costs one polling interval.
  if v_id is not null and v_notify and start_after <= now() then
    perform pg_notify('pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24), queue);
  end if;
  return v_id;
end
$$;
comment on function runcast.enqueue_job(text, jsonb, timestamptz, text) is
  'Adds a job to a queue in this transaction and wakes its workers at commit. Returns its id; null where the queue''s '
  'policy allows no second one with that singleton_key.';

revoke execute on function runcast.enqueue_job(text, jsonb, timestamptz, text) from public, anon, authenticated;
grant execute on function runcast.enqueue_job(text, jsonb, timestamptz, text) to service_role;
