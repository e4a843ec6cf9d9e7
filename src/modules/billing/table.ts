import { createTable } from '../../graphql/table.ts';

export const billingSubscriptions = createTable('BillingSubscription', { orders: { createdAt: 'moment' } });
export const usageRecords = createTable('UsageMetric', {
  typename: 'UsageRecord',
  orders: { timestamp: 'moment' },
});
export const billingEvents = createTable('BillingEvent', { orders: { timestamp: 'moment' } });
