-- The feed's triggers on the executions' tables, and a stream for every row. Guide 1's rollback drops
-- training_executions with its triggers; the table that replaces it has to get them again.
select runcast.attach_feed();
