-- "My newest runs" reads 20 rows instead of all of the caller's. In a repeatable file because guide 1's rollback
-- drops the index with its table.
create index if not exists idx_training_executions_user_id_created_at
  on public.training_executions (user_id, created_at desc, id desc);
