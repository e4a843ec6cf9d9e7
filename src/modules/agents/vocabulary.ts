/** The values that the tables' text columns hold, with what they mean. */

export const CATEGORIES = {
  automation: 'Does recurring work by itself.',
  analysis: 'Finds out what data say.',
  generation: 'Writes texts, code or other content.',
  consulting: 'Advises people.',
  custom: 'Anything else.',
} as const;

export const PLANNING_STYLES = {
  sequential: 'One step after the other.',
  parallel: 'Steps that do not depend on each other at the same time.',
  hierarchical: 'Goals are split into smaller ones until each is a step.',
  reactive: 'The next step is decided from what the last one found.',
  hybrid: 'A mixture, decided as it goes.',
} as const;

export const OUTPUT_TYPES = {
  text: 'Plain text.',
  json: 'Any JSON.',
  structured: 'JSON that matches the output schema.',
  workflow: 'A workflow’s definition.',
  report: 'A report for people.',
  analysis: 'Findings.',
  recommendation: 'What to do.',
} as const;

export const STATUSES = {
  pending: 'Waits for a worker, or for whoever inserted it.',
  running: 'Is being run.',
  completed: 'Has ended well; `output` has what came out.',
  failed: 'Has ended with an `error`.',
  cancelled: 'Was ended on request.',
  started: 'Has begun; of states in the logs alone.',
} as const;

export const EXECUTION_MODES = {
  sync: 'The caller waits for the output.',
  async: 'The output is fetched later.',
  streaming: 'The output comes piece by piece, as events.',
} as const;

export const TOOL_CATEGORIES = {
  api: 'Calls an API.',
  database: 'Reads or writes a database.',
  workflow: 'Starts a workflow.',
  ai: 'Asks a model.',
  transformation: 'Changes data from one form to another.',
  validation: 'Checks data.',
} as const;

export const MODEL_PROVIDERS = {
  'openai-compatible': 'Any server that speaks OpenAI’s chat API, at the operator’s MODEL_BASE_URL.',
  openai: 'OpenAI.',
  anthropic: 'Anthropic.',
} as const;

export const MEMORY_KINDS = {
  working: 'The conversation within a run; `maxSize` is how many of its newest messages the model is shown.',
  episodic: 'What former runs for the same user were about; `maxSize` is how many.',
  long_term: 'Facts by key that the model notes down for the same user; `maxSize` is how many.',
} as const;

export const STEP_KINDS = {
  model: 'A model was asked.',
  tool: 'A tool was called.',
  child: 'Another run was started and waited for.',
} as const;

export const STEP_STATES = {
  running: 'Is at work, or was when its worker was lost.',
  completed: 'Has ended well.',
  failed: 'Has failed.',
} as const;

export const DECISIONS = {
  approved: 'The call is made.',
  rejected: 'The call is not made, and the model is told so.',
} as const;

export type ModelProvider = keyof typeof MODEL_PROVIDERS;
export type ToolCategory = keyof typeof TOOL_CATEGORIES;
export type PlanningStyle = keyof typeof PLANNING_STYLES;
export type Decision = keyof typeof DECISIONS;
