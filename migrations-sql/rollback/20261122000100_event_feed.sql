-- Every event and the numbering of every stream are lost; the executions' own rows stay as they are.
drop function if exists runcast.ensure_event_partitions(integer);
drop table if exists runcast.execution_events;
drop table if exists runcast.execution_streams;
