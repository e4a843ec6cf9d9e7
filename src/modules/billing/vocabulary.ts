/** The values that the tables' text columns hold, with what they mean. */

export const TIERS = {
  free: 'Costs nothing: 100 workflow and 100 agent runs a month.',
  trial: 'A paid tier on trial: 100 workflow and 100 agent runs a month.',
  starter: '10,000 workflow and 10,000 agent runs a month.',
  pro: '50,000 workflow and 50,000 agent runs a month.',
  enterprise: 'As many runs as needed.',
} as const;

/** Stripe's. */
export const SUBSCRIPTION_STATUSES = {
  incomplete: 'Its first payment has not gone through yet.',
  incomplete_expired: 'Its first payment did not go through in time; it never began.',
  trialing: 'On trial.',
  active: 'Paid.',
  past_due: 'A payment failed and is tried again; it still counts.',
  canceled: 'Ended.',
  unpaid: 'Payments failed and are not tried again.',
  paused: 'Its trial ended without a way to pay; it waits for one.',
} as const;

export const METRICS = {
  workflow_executions: 'Runs of workflows.',
  agent_calls: 'Runs of agents.',
  api_calls: 'Calls of the API.',
  storage_mb: 'Megabytes stored.',
  team_members: 'Members of the tenant.',
  integrations: 'Connected integrations.',
  training_minutes: 'Minutes of training.',
  tokens_input: 'Tokens sent to models.',
  tokens_output: 'Tokens that models have written.',
} as const;

export const BILLING_EVENTS = {
  subscription_created: 'A subscription began.',
  subscription_updated: 'A subscription changed.',
  subscription_canceled: 'A subscription was cancelled.',
  payment_succeeded: 'A payment went through.',
  payment_failed: 'A payment did not go through.',
  invoice_created: 'An invoice was made.',
  usage_recorded: 'Usage was reported to the payment provider.',
} as const;

export type Tier = keyof typeof TIERS;

/** The statuses in which a subscription is somebody's plan. */
export const CURRENT_STATUSES: readonly (keyof typeof SUBSCRIPTION_STATUSES)[] = [
  'active',
  'trialing',
  'past_due',
];

/** The statuses that nothing follows on. */
export const ENDED_STATUSES: readonly string[] = ['canceled', 'incomplete_expired'];

/** How many runs a month a tier includes, of workflows and of agents each; null: as many as needed. */
export const MONTHLY_RUNS: Readonly<Record<Tier, number | null>> = {
  free: 100,
  trial: 100,
  starter: 10_000,
  pro: 50_000,
  enterprise: null,
};
