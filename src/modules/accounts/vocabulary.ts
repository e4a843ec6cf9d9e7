/** What the columns of tenants and members hold, each value with its description. */

export const TENANT_ROLES = {
  admin: 'Manages the tenant and its members, sees its bills, and does what members do.',
  member: 'Works in the tenant: makes, changes and runs agents and workflows.',
  viewer: 'Sees the tenant’s agents and workflows and changes nothing.',
  billing: 'Sees the tenant’s subscriptions and usage, not its agents and workflows.',
} as const;

export const MEMBER_STATUSES = {
  active: 'Belongs to the tenant. No other status grants anything.',
  pending: 'Was invited by user id and has not answered.',
  suspended: 'Was shut out by an operator.',
  removed: 'Left, or was removed by an admin.',
} as const;

export const TENANT_STATUSES = {
  active: 'In use.',
  trial: 'In use, on trial.',
  suspended: 'Shut by an operator: nothing is started for it.',
  cancelled: 'Given up: nothing is started for it.',
} as const;

export type TenantRole = keyof typeof TENANT_ROLES;
