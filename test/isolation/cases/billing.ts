import { randomUUID } from 'node:crypto';
import { type Cases, edges, globalOnly, type MakeTarget, type Seen } from '../case.ts';
import { tenant } from './accounts.ts';

const PERIOD = 'period: { from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z" }';

const subscription: MakeTarget = async (admin, { id, tenantId, mark }) => {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.subscriptions (user_id, tenant_id, tier, status, stripe_subscription_id, metadata,
       current_period_start, current_period_end)
     values ($1, $2, 'pro', 'active', $3, jsonb_build_object('note', $4::text), now(), now() + interval '1 month')
     returning id`,
    [id, tenantId, `sub_${randomUUID()}`, mark],
  );
  return { id: { row: rows[0]?.id ?? '', typename: 'BillingSubscription' } };
};

const usage: MakeTarget = async (admin, { id, tenantId, mark }) => {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.usage_metrics (user_id, tenant_id, metric_type, quantity, metadata)
     values ($1, $2, 'api_calls', 12345, jsonb_build_object('note', $3::text)) returning id`,
    [id, tenantId, mark],
  );
  return {
    id: { row: rows[0]?.id ?? '', typename: 'UsageRecord' },
    userId: { row: id },
    tenantId: { row: tenantId, typename: 'Tenant' },
  };
};

const billingEvent: MakeTarget = async (admin, { id, mark }) => {
  const { rows } = await admin.query<{ id: string }>(
    `insert into public.billing_events (user_id, event_type, data)
     values ($1, 'invoice_created', jsonb_build_object('note', $2::text)) returning id`,
    [id, mark],
  );
  return { id: { row: rows[0]?.id ?? '', typename: 'BillingEvent' } };
};

const user: MakeTarget = async (_admin, { id }) => ({ id: { row: id } });

const inTenant: Seen = {
  as: 'parent only',
  because: 'a viewer sees the tenant, its admins see what it pays',
};
const uses: Seen = { as: 'forbidden', because: 'a viewer of a tenant uses nothing in its name' };

export const billing: Cases = {
  'Query.billingSubscription': { call: 'billingSubscription(id: $id)', target: subscription },
  'Query.billingSubscriptions': [
    { call: 'billingSubscriptions(first: 100)' },
    { call: 'billingSubscriptions(filter: { tenantId: $id })', target: tenant },
  ],
  'Query.node(BillingSubscription)': { call: 'node(id: $id)', target: globalOnly(subscription, 'id') },
  'BillingSubscription.tenant': { call: 'billingSubscription(id: $id)', target: subscription },
  'Tenant.billingSubscriptions': { call: 'tenant(id: $id)', target: tenant, seen: { viewer: inTenant } },
  'Viewer.plan': { call: 'viewer' },
  ...edges(['Plan.limits', 'Plan.subscription'], { call: 'viewer', under: ['plan'] }),
  'Query.usageRecords': [
    { call: 'usageRecords(first: 100)' },
    { call: 'usageRecords(filter: { tenantId: $tenantId, userId: $userId })', target: usage },
  ],
  'Query.node(UsageRecord)': { call: 'node(id: $id)', target: globalOnly(usage, 'id') },
  'UsageRecord.tenant': { call: 'node(id: $id)', target: globalOnly(usage, 'id') },
  'Tenant.usageRecords': { call: 'tenant(id: $id)', target: tenant, seen: { viewer: inTenant } },
  'Query.billingEvents': { call: 'billingEvents(first: 100)' },
  'Query.node(BillingEvent)': { call: 'node(id: $id)', target: globalOnly(billingEvent, 'id') },
  'Query.usageReport': [
    { call: `usageReport(${PERIOD}, groupBy: [METRIC, USER])` },
    { call: `usageReport(${PERIOD}, groupBy: [METRIC, USER], tenantId: $id)`, target: tenant },
  ],
  ...edges(['UsageReport.groups', 'UsageReport.period', 'UsageReport.previousPeriod', 'UsageReport.total'], {
    call: `usageReport(${PERIOD}, groupBy: [METRIC, USER], tenantId: $id)`,
    target: tenant,
  }),
  'UsageReportGroup.buckets': {
    call: `usageReport(${PERIOD}, groupBy: [METRIC], bucket: MONTH, tenantId: $id)`,
    under: ['groups'],
    target: tenant,
  },

  'Mutation.cancelBillingSubscriptionAtPeriodEnd': {
    call: 'cancelBillingSubscriptionAtPeriodEnd(id: $id)',
    target: subscription,
  },
  'Mutation.recordUsage': {
    call: 'recordUsage(input: { metric: API_CALLS, quantity: 3, tenantId: $id })',
    target: tenant,
    seen: { viewer: uses },
  },
  'Mutation.recordUsageBatch': {
    call: 'recordUsageBatch(input: [{ metric: API_CALLS, quantity: 3, tenantId: $id }])',
    target: tenant,
    seen: { viewer: uses },
  },
  'RecordedUsage.records': {
    call: 'recordUsageBatch(input: [{ metric: API_CALLS, quantity: 3, tenantId: $id }])',
    target: tenant,
    seen: { viewer: uses },
  },
  'Mutation.recordBillingEvent': {
    call: 'recordBillingEvent(input: { userId: $id, type: INVOICE_CREATED })',
    target: user,
    owner: 'service',
  },
};
