import { describePlans } from './plans.ts';

// One of each kind of policy; the soak lists all, among a million.
describePlans(100_000, ['agents', 'workflows', 'agent_executions', 'usage_metrics', 'error_logs']);
