-- The triggers by which schedules follow workflows and events start them. Guide 1's rollback drops training_executions
-- with its triggers; the table that replaces it has to get them again.
select runcast.attach_workflow_triggers();
