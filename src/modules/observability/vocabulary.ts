/** The values that the tables' text columns hold, with what they mean. */

export const TELEMETRY_TYPES = {
  workflow_started: 'A workflow began to run.',
  workflow_completed: 'A run of a workflow ended well.',
  workflow_failed: 'A run of a workflow ended with an error.',
  agent_invoked: 'An agent was called.',
  agent_completed: 'A call of an agent ended well.',
  agent_failed: 'A call of an agent ended with an error.',
  api_call: 'An API was called.',
  error: 'Something went wrong; the error logs have the details.',
  user_action: 'A person did something.',
  performance: 'Something was measured.',
  security: 'Something that matters for security happened.',
} as const;

export const SEVERITIES = {
  low: 'Nobody is hindered.',
  medium: 'Somebody is hindered and can go on.',
  high: 'Somebody cannot go on.',
  critical: 'Nobody can go on.',
} as const;
