-- The rollback of guide 1.
drop table if exists public.training_executions cascade;
drop function if exists public.update_training_executions_updated_at cascade;
