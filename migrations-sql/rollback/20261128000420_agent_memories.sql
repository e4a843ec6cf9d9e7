-- Agents have forgotten what they knew beyond a run.
drop function runcast.sweep_agent_memories();
drop table runcast.agent_memories;
