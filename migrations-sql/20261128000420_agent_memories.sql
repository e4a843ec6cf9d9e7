-- What agents remember beyond a run.

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

create function runcast.sweep_agent_memories() returns integer
language sql set search_path = '' as $$
  with swept as (delete from runcast.agent_memories where expires_at <= now() returning 1)
  select count(*)::integer from swept
$$;

revoke execute on function runcast.sweep_agent_memories() from public, anon, authenticated;
grant execute on function runcast.sweep_agent_memories() to service_role;
